"""What a ledger in memory keeps of those who run jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from ledger.ports.store import FailingDuty


@dataclass
class Processor:
    """One registration. ``session`` shows that it lives; None: whoever looks sees that it is gone."""

    session: object | None
    beats: int = 0
    is_gone: bool = False
    """It has stopped, or was given up."""
    claims: dict[UUID, list[tuple[UUID, int]]] = field(default_factory=dict)
    """Which attempts it started together, by claim."""


@dataclass
class Leader:
    """Who leads, and in whose session."""

    id: UUID
    session: object | None
    renewals: int = 1
    failing: tuple[FailingDuty, ...] = ()
