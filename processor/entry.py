"""What is to be said of an attempt."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """An event yet without its envelope: type, and data as JSON text."""

    type: str
    data: str
