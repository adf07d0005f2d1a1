"""The duty that brings back the jobs of processors that are gone."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, ClassVar, Final

from processor.attempt_events import attempt_events
from processor.handlers.retry import ALONE_AFTER
from processor.leader.duty import Duty
from processor.leader.failure_detector import FailureDetector
from processor.leader.loss import conclude_loss

if TYPE_CHECKING:
    from ledger.ports.store import AttemptEvent, Orphan, Store
    from processor.session.hints import Hints
    from processor.settings import Settings

logger = logging.getLogger(__name__)

EVERY_S: Final = 0.5


class Rescue(Duty):
    """Watches the heartbeats of all processors, and gives up those that are gone.

    ``patient_s``: for so long from now on a free lock proves nothing, as connections have just been broken.
    """

    name: ClassVar = "rescue"
    trouble: ClassVar = "the jobs of processors that are gone are not taken back"

    def __init__(self, store: Store, hints: Hints, settings: Settings, *, patient_s: float) -> None:
        super().__init__()
        self._store = store
        self._hints = hints
        self._settings = settings
        self._patient_until = time.monotonic() + patient_s
        self._detector = FailureDetector(settings.grace, settings.lease)
        self._left_behind = False
        self._due_at = 0.0

    def due_in_s(self) -> float:
        return self._due_at - time.monotonic()

    async def run(self) -> None:
        self._due_at = time.monotonic() + EVERY_S
        if await self.rescue():
            self._hints.events.set()

    async def look(self) -> None:
        """See who was heard. To be done also while another leads: so that the next leader need not begin to watch."""
        heartbeats = await self._store.heartbeats()
        self._detector.see(heartbeats.beats, time.monotonic())
        self._left_behind = heartbeats.left_behind

    async def rescue(self) -> int:
        """Put the running jobs of processors that are gone back, or end them. Gives the number of those jobs.

        All in one transaction: either a processor's jobs are all settled, or the next call finds them again.
        """
        await self.look()
        now = time.monotonic()
        silent = [one for one in self._detector.silent(now) if one.overdue or now >= self._patient_until]
        if not silent and not self._left_behind:
            return 0
        taken_back = await self._store.rescue(silent, self._settle)
        for processor, jobs in taken_back:
            logger.warning("processor %s is gone: %d jobs were running there", processor, jobs)
        return sum(jobs for _, jobs in taken_back)

    def _settle(self, orphan: Orphan) -> list[AttemptEvent]:
        ran_alone = orphan.losses >= ALONE_AFTER
        entries = conclude_loss(
            orphan.attempt,
            min(orphan.losses, ALONE_AFTER) + orphan.losses_alone,
            str(orphan.processor),
            orphan.noticed_by,
            orphan.found_at,
            self._settings.retry,
            alone=orphan.alone if ran_alone else None,
            chance=random.random(),  # noqa: S311  # spreads retries, protects nothing
        )
        return attempt_events(orphan.job_id, orphan.attempt, entries, time.time_ns())
