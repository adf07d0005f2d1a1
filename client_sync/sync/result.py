"""What an exchange did, for who asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What an exchange did, in numbers of events.

    ``pushed`` counts what the server has taken, ``refused`` what it did not take (see ``JobClient.refusals``),
    ``pulled`` what was new to this file, ``confirmed`` what it had and the server has put in order (not compared: that
    is no news of its own). ``forked``: the file turned out to be a copy and has a new replica id.
    ``rewound``: the server was restored, and was sent again what it had lost. ``new_epoch``: its numbers began anew.
    """

    pushed: int = 0
    refused: int = 0
    pulled: int = 0
    forked: bool = False
    rewound: bool = False
    new_epoch: bool = False
    confirmed: int = field(default=0, compare=False)


SyncReport: TypeAlias = Callable[[SyncResult], None]
"""Hears what each exchange did that did anything."""
