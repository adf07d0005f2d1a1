"""What ``jobledger doctor`` says: the one shape of what is found out about a file and about a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. ``advice`` is there where something can or must be done about it.

    ``note``: good to know. ``warn``: look at it some time. ``fail``: something does not work, or will not for long.
    """

    level: Level
    check: str
    message: str
    advice: str | None = None
