"""What a salvage found, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Skipped:
    """An own event that was read and not carried over, and why."""

    event_id: str
    job_id: str | None
    type: str
    local_seq: int | None
    reason: str


@dataclass(slots=True)
class Salvage:
    """What a salvage found, and what became of it.

    ``salvaged`` events are in the new file. ``acknowledged`` ones the server has, and sends again. ``skipped`` ones
    were read and left out, each for its reason. ``missing`` are the numbers (first, last) of events that the server has
    not acknowledged and that were not found. What is ``bad`` may have been these, or anything else in the file.
    """

    replica_id: str = ""
    owner: str | None = None
    salvaged: int = 0
    acknowledged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    pages: int = 0
    bad_pages: int = 0
    bad_rows: int = 0
    bad_frames: int = 0
