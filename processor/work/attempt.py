"""What a processor keeps of an attempt while it holds it: values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from processor.handlers.stopping import StopReason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping
    from uuid import UUID

    from ledger.ports.store import Claimed
    from processor.entry import Entry
    from processor.handlers.call import HandlerCall
    from processor.handlers.handler import Handler
    from processor.session.liveness import Identity
    from processor.work.lanes import Lane
    from processor.work.reports import Reports


class Claim:
    """The jobs that were taken together; ``open`` counts those whose end is not recorded yet."""

    __slots__ = ("id", "open", "taken_at")

    def __init__(self, claim_id: UUID, jobs: int, taken_at: float) -> None:
        self.id: Final = claim_id
        self.open = jobs
        self.taken_at: Final = taken_at  # by the loop's clock


class ActiveAttempt:
    """An attempt that this processor holds: its job, its handler, and how far it is.

    ``call`` is set while its function runs. ``over`` is set when its end was handed to the recorder, or when it is
    given up; the function may still be running then, and what it says changes nothing any more. ``late``: it ran out
    of time, and what it returns does not count. ``overdue``: it went on for some time after it was asked to stop.
    """

    __slots__ = (
        "announced", "call", "claim", "completed_steps", "handler", "identity", "job", "lane", "late", "over",
        "overdue", "reports", "started_at", "stop_reason", "timer",
    )  # fmt: skip

    def __init__(
        self,
        job: Claimed,
        handler: Handler,
        lane: Lane[ActiveAttempt],
        claim: Claim,
        identity: Identity,
        completed_steps: Mapping[str, str],
    ) -> None:
        self.job: Final = job
        self.handler: Final = handler
        self.lane: Final = lane
        self.claim: Final = claim
        self.identity: Final = identity
        self.completed_steps: Final = completed_steps
        self.call: HandlerCall | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.reports: Reports | None = None
        self.stop_reason: StopReason | None = None
        self.started_at = 0.0
        self.late = False
        self.overdue = False
        self.over = False
        self.announced = False

    @property
    def is_started(self) -> bool:
        """Whether its function was called."""
        return self.started_at > 0

    @property
    def timeout_s(self) -> float | None:
        """What the job asks for, or else its handler."""
        return self.handler.timeout_s if self.job.timeout_ms is None else self.job.timeout_ms / 1000

    def must_stop(self) -> StopReason | None:
        """Why it has to stop, if it has to. Threads see a lost identity here before the event loop reacts to it."""
        return StopReason.LOST if self.identity.lost else self.stop_reason

    def take_reports(self) -> list[Entry]:
        """The events for what it has said and nobody has sent yet."""
        return self.reports.take() if self.reports is not None else []
