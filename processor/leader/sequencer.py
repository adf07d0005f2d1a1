"""The sequencer: of all processors the one that puts events in order, lets due jobs start, and rescues orphans.

Which one that is, ``election`` decides. Two at once are harmless: ``ledger.sequence`` locks its table.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.rows import tuple_row

from ledger.errors import one_line
from processor.leader.election import NOTHING_SEEN, Candidate
from processor.leader.rescue import Rescuer
from processor.session.hints import wait_for_hint
from processor.session.link import is_about_data, stay_connected
from processor.work.claimed import Claimed
from processor.work.claimer import SEQUENCE_AND_CLAIM

if TYPE_CHECKING:
    from psycopg import AsyncConnection, AsyncCursor

    from processor.session.clock import ServerClock
    from processor.session.hints import Hints
    from processor.settings import Settings
    from processor.work.claimer import Claimer

logger = logging.getLogger(__name__)

LIFE_RETRY_S: Final = 0.5
RECONNECT_S: Final = 5.0
"""After a break of this connection, as the server may have restarted: how long others may take to be back."""
TRANSACTION_S: Final = 2
"""For how long a leader that was frozen in the midst of a rescue may keep what it has locked."""
RESCUE_S: Final = 0.5
SHORTEST_GAP_S: Final = 0.002
LONGEST_GAP_S: Final = 0.05
GAP_PER_EVENT_S: Final = 0.0001
"""After a pass that found many events more are on their way: a little patience makes the next one worth its cost."""
LIGHT_PASS: Final = 100
"""After a pass of more events than these the next is long as well, and the claimer does not wait for it."""

LET_GO: Final = "select set_config('idle_in_transaction_session_timeout', %(seconds)s, false)"
ENSURE_LIFE: Final = "select ledger.ensure_life(%(epoch)s, %(last_seq)s, %(event_id)s)"
SEQUENCE: Final = "select s.sequenced, s.more, s.new_work, s.next_due from ledger.sequence() s"


def rest_s(took_s: float, sequenced: int) -> float:
    """How long to rest after a look that took so long and found so many events, in seconds.

    As long as it took, so that there is time for others; but not where that was long because much waited: then more has
    come meanwhile, and to rest would hold up the log.
    """
    return min(max(took_s, sequenced * GAP_PER_EVENT_S, SHORTEST_GAP_S), LONGEST_GAP_S)


class Sequencer:
    """Stands for election, and while it is elected, makes a pass whenever there may be something to order."""

    def __init__(self, dsn: str, hints: Hints, clock: ServerClock, settings: Settings, poll_s: float) -> None:
        self._dsn = dsn
        self._hints = hints
        self._clock = clock
        self._settings = settings
        self._poll_s = poll_s
        self._stopping = asyncio.Event()
        self._next_due: datetime | None = None
        self._last_sequenced = 0
        self._end = NOTHING_SEEN
        self._was_connected = False
        self.claimer: Claimer | None = None
        """Whose claims are made together with passes that bring work, where there is one and it has nothing to do."""
        self.backend_pid: int | None = None
        """The session in which passes are made, while this is the sequencer."""

    async def run(self) -> None:
        """Stand for election and lead, until ``stop``. Raises what is neither transient nor about one event."""
        await stay_connected(self._dsn, "sequencer", self._stand)

    def stop(self) -> None:
        """Let ``run`` return; after one more pass, if this is the sequencer."""
        self._stopping.set()
        self._hints.events.set()

    async def _stand(self, connection: AsyncConnection[Any]) -> None:
        rescuer = Rescuer(connection, self._settings, patient_s=RECONNECT_S if self._was_connected else 0)
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(LET_GO, {"seconds": f"{TRANSACTION_S}s"})
            # also before it stands: another leader may not have seen what this one has
            if self._was_connected and not await self._ensure_life(cursor):
                return
            self._was_connected = True
            while not self._stopping.is_set():
                candidate = Candidate(cursor)
                while not await self._is_elected(candidate):
                    await rescuer.look()
                    if await wait_for_hint(self._stopping, candidate.next_look_s()):
                        return
                if not await self._ensure_life(cursor):
                    return
                logger.info("elected as the sequencer")
                self.backend_pid = connection.info.backend_pid
                try:
                    await self._lead(cursor, candidate, rescuer)
                finally:
                    self.backend_pid = None

    async def _is_elected(self, candidate: Candidate) -> bool:
        elected = await candidate.stand()
        self._end = candidate.end
        return elected

    async def _still_leads(self, candidate: Candidate) -> bool:
        leads = await candidate.still_leads()
        self._end = candidate.end
        if not leads:
            logger.warning("another processor has taken over as the sequencer: this one had done nothing for too long")
        return leads

    async def _ensure_life(self, cursor: AsyncCursor[Any]) -> bool:
        """Begin a new life where this database needs one. False: told to stop before that was possible."""
        while True:
            try:
                await cursor.execute(ENSURE_LIFE, self._end._asdict())
            except psycopg.errors.LockNotAvailable:
                logger.warning("a new life of the ledger waits for transactions that have written events and stay open")
            except psycopg.errors.ObjectNotInPrerequisiteState as error:
                logger.warning("a new life of the ledger waits: %s", error.diag.message_primary)
            else:
                return True
            if await wait_for_hint(self._stopping, LIFE_RETRY_S):
                return False

    async def _lead(self, cursor: AsyncCursor[Any], candidate: Candidate, rescuer: Rescuer) -> None:
        """Lead until told to stop, or until another leads."""
        now = asyncio.get_running_loop().time
        pass_at = rescue_at = now()
        hinted = True
        while await self._still_leads(candidate):
            if now() >= rescue_at:
                if await rescuer.rescue():
                    hinted = True
                rescue_at = now() + RESCUE_S
            if hinted or now() >= pass_at:
                last = self._stopping.is_set()
                began = now()
                sequenced = await self._make_pass(cursor, candidate)
                if last:
                    return
                pass_at = now() + min(self._poll_s, self._due_in_s())
                await asyncio.sleep(rest_s(now() - began, sequenced))
            hinted = await wait_for_hint(self._hints.events, max(0.0, min(pass_at, rescue_at) - now()))

    async def _make_pass(self, cursor: AsyncCursor[Any], candidate: Candidate) -> int:
        """Put in order all there is to see. Gives the number of events."""
        total, more = 0, True
        while more and await self._still_leads(candidate):
            try:
                sequenced, more = await self._pass(cursor)
            except psycopg.Error as error:
                if not is_about_data(error):
                    raise
                # nothing is lost: the pass is tried again at the next hint or poll, and doctor shows the backlog
                logger.error("the log cannot go on: %s", one_line(error))
                return total
            total += sequenced
        return total

    async def _pass(self, cursor: AsyncCursor[Any]) -> tuple[int, bool]:
        """One pass, and a claim along with it. Gives the number of events, and whether there are more."""
        light = self._last_sequenced <= LIGHT_PASS
        async with self.claimer.along() if self.claimer and light else nullcontext() as ask:
            if ask is None:
                [(sequenced, more, new_work, self._next_due)] = await (await cursor.execute(SEQUENCE)).fetchall()
            else:
                rows = await (await cursor.execute(SEQUENCE_AND_CLAIM, ask.parameters)).fetchall()
                sequenced, more, new_work, self._next_due = rows[0][:4]
                if new_work:
                    ask.granted = [Claimed(*row[4:]) for row in rows if row[4] is not None]
        self._last_sequenced = sequenced
        if new_work and ask is None:
            self._hints.tell_of_work()
        return sequenced, more

    def _due_in_s(self) -> float:
        if self._next_due is None:
            return math.inf
        return max((self._next_due - self._clock.now()).total_seconds(), SHORTEST_GAP_S)
