"""The leader: of all processors the one that does for all what only one needs to do.

Which one that is, ``election`` decides. Two at once are harmless: a pass locks its table, and a rescue its rows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from ledger.errors import ServerUnreachable, one_line
from processor.leader.duties import Duties
from processor.leader.election import NOTHING_SEEN, Candidate
from processor.leader.order import Order
from processor.leader.release import Release
from processor.leader.rescue import Rescue
from processor.session.hints import wait_for_hint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ledger.ports.store import ClaimRequest, Pass, Store
    from processor.leader.order import ClaimAlong
    from processor.session.clock import ServerClock
    from processor.session.hints import Hints
    from processor.settings import Settings

logger = logging.getLogger(__name__)

EPOCH_RETRY_S: Final = 0.5
PAUSE_AFTER_BREAK_S: Final = 0.1
RECONNECT_S: Final = 5.0
"""After a break of the session, as the server may have restarted: how long others may take to be back."""


class Leader:
    """Stands for election, and while it is elected, does its duties, each when it is due."""

    def __init__(self, store: Store, hints: Hints, clock: ServerClock, settings: Settings, poll_s: float) -> None:
        self._store = store
        self._hints = hints
        self._clock = clock
        self._settings = settings
        self._poll_s = poll_s
        self._stopping = asyncio.Event()
        self._end = NOTHING_SEEN
        self._was_connected = False
        self.claim_along: ClaimAlong | None = None
        """The claimer whose claims are made together with passes, while there is one."""

    async def run(self) -> None:
        """Stand for election and lead, until ``stop``. Raises NotAllowed."""
        try:
            while True:
                try:
                    await self._store.join_election()
                    return await self._stand()
                except ServerUnreachable as error:
                    logger.warning("leader: interrupted: %s", one_line(error))
                # before the pause: as long as the old session is there, nobody else is elected, and this one neither
                await self._store.leave_election()
                await asyncio.sleep(PAUSE_AFTER_BREAK_S)
        finally:
            await self._store.leave_election()

    def stop(self) -> None:
        """Let ``run`` return; after one more pass, if this is the leader."""
        self._stopping.set()
        self._hints.events.set()

    async def _stand(self) -> None:
        rescue = Rescue(self._store, self._hints, self._settings, patient_s=RECONNECT_S if self._was_connected else 0)
        # also before it stands: another leader may not have seen what this one has
        if self._was_connected and not await self._ensure_epoch():
            return
        self._was_connected = True
        while not self._stopping.is_set():
            candidate = Candidate(self._store)
            while not await self._is_elected(candidate):
                await rescue.look()
                if await wait_for_hint(self._stopping, candidate.next_look_s()):
                    return
            if not await self._ensure_epoch():
                return
            logger.info("elected as the leader")
            await self._lead(candidate, rescue)

    async def _is_elected(self, candidate: Candidate) -> bool:
        elected = await candidate.stand()
        self._end = candidate.end
        return elected

    async def _still_leads(self, candidate: Candidate) -> bool:
        leads = await candidate.still_leads()
        self._end = candidate.end
        return leads

    async def _ensure_epoch(self) -> bool:
        """Begin a new epoch where this ledger needs one. False: told to stop before that was possible."""
        while (waits_for := await self._store.ensure_epoch(self._end)) is not None:
            logger.warning("a new epoch of the ledger waits: %s", waits_for)
            if await wait_for_hint(self._stopping, EPOCH_RETRY_S):
                return False
        return True

    async def _lead(self, candidate: Candidate, rescue: Rescue) -> None:
        """Do the duties until told to stop, or until another leads."""

        async def still_leads() -> bool:
            return await self._still_leads(candidate)

        release = Release(self._store, self._hints, self._clock)
        order = Order(
            self._store,
            self._hints,
            self._poll_s,
            still_leads=still_leads,
            claim_along=self._claim_along,
            expect=release.expect,
        )
        duties = Duties(self._store, candidate.id, self._clock, (order, release, rescue))
        while await still_leads():
            last = self._stopping.is_set()
            if last:
                order.look_soon()
            await duties.do_what_is_due()
            if last:
                return
            if await wait_for_hint(self._hints.events, duties.next_in_s()):
                order.look_soon()
        logger.warning("another processor has taken over as the leader: this one had done nothing for too long")

    async def _claim_along(self, make_pass: Callable[[ClaimRequest], Awaitable[Pass]]) -> Pass | None:
        return await self.claim_along(make_pass) if self.claim_along is not None else None
