"""Taking jobs: as many as there is room for, a whole batch in one statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg

from ledger.errors import ServerUnreachable, one_line
from ledger.model.ids import new_id
from ledger.postgres.arrays import bare
from ledger.postgres.database import is_transient
from processor.session.hints import wait_for_hint
from processor.session.link import Link
from processor.work.attempt import Attempt, Claim, read_steps
from processor.work.claimed import Claimed
from processor.work.lanes import Lane

if TYPE_CHECKING:
    from uuid import UUID

    from processor.handlers.registry import Registry
    from processor.settings import Settings
    from processor.work.worker import Worker

logger = logging.getLogger(__name__)

MOST_UNRECORDED: Final = 2_000
"""While more ends than these wait to be recorded, no further job is claimed."""

CLAIM: Final = """
    select c.job_id::text, c.name, c.attempt, c.failures, c.losses, c.max_attempts, c.timeout_ms, c.owner,
           c.requested_at, c.request
    from ledger.claim(%(processor)s, %(claim)s, %(namespaces)s, %(names)s, %(limit)s) c
"""
COMPLETED_STEPS: Final = "select s.job_id::text, s.data from ledger.completed_steps(%(job_ids)s::uuid[]) s"
STRAYS: Final = """
    select c.claim, j.job_id::text, j.name, j.attempt, j.failures, j.losses, j.max_attempts, j.timeout_ms, j.owner,
           e.recorded_at, e.data::text
    from ledger.claims c
    cross join lateral unnest(c.job_ids, c.attempts) x (job_id, attempt)
    join ledger.jobs j
        on j.job_id = x.job_id and j.attempt = x.attempt and j.processor = c.processor and j.status = 'running'
    join ledger.events e on e.job_id = j.job_id and e.type = 'job.requested'
    where c.processor = %(processor)s and c.claim <> all (%(known)s::uuid[])
    order by c.claim, j.priority desc, j.seq
"""
CANCELLED: Final = "select f::text from ledger.find_cancelled(%(processor)s, %(job_ids)s::uuid[]) f"
SEQUENCE_AND_CLAIM: Final = """
    select s.sequenced, s.more, s.new_work, s.next_due, s.job_id::text, s.name, s.attempt, s.failures, s.losses,
           s.max_attempts, s.timeout_ms, s.owner, s.requested_at, s.request
    from ledger.sequence_and_claim(%(processor)s, %(claim)s, %(namespaces)s, %(names)s, %(limit)s) s
"""
"""Takes what ``CLAIM`` takes."""
GIVEN_UP: Final = "JL001"
"""SQLSTATE of a claim by a processor that is not registered any more."""


class Ask:
    """A claim to be made: of one lane as much as it has room for. Who makes it fills in what was ``granted``."""

    def __init__(self, lane: Lane, room: int, parameters: Mapping[str, Any], cancel_looks: int) -> None:
        self.lane: Final = lane
        self.room: Final = room
        self.parameters: Final = parameters
        self.cancel_looks: Final = cancel_looks
        self.granted: Sequence[Claimed] | None = None


class Claimer:
    """Keeps the lanes of one registered processor filled, and learns which of its jobs were cancelled.

    A claim whose answer was lost with the connection may have been granted all the same. So it is not sent again;
    instead, claims that stand in the ledger and are not known here are taken up, at each poll: those of their attempts
    that still run. One that has closed may be forgotten here before it is in the ledger: all its attempts have ended.
    """

    def __init__(self, link: Link, tenure: Worker, registry: Registry, settings: Settings, poll_s: float) -> None:
        self._link = link
        self._tenure = tenure
        self._registry = registry
        self._settings = settings
        self._hints = tenure.hints
        self._poll_s = poll_s
        self._claims: list[Claim] = []
        self._cancel_looks = 0
        self._turn = asyncio.Lock()
        """Held from the moment a claim is made until its jobs are known here, so that they are not taken for strays."""
        self._unsure = False
        self._stopping = False
        self._ended = False

    async def run(self) -> None:
        """Claim whenever there may be work and room for it, until ``stop``. Raises what is not transient."""
        try:
            await self._claim_until_stopped()
            async with self._turn:
                pass  # what the sequencer claims at this moment is still taken in
        finally:
            self._ended = True

    async def _claim_until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        polled_at = loop.time()
        self._hints.tell_of_work()
        while not self._stopping:
            # a hint does not put the poll off: hints of room may come all the time, and none of them tells of new work
            await wait_for_hint(self._hints.claims, max(0.0, polled_at + self._poll_s - loop.time()))
            if loop.time() - polled_at >= self._poll_s:
                polled_at = loop.time()
                self._hints.tell_of_work()
                self._unsure = True
            if self._unsure:
                await self.take_up_strays()
            if self._hints.take_new_work():
                for lane in self._tenure.lanes:
                    lane.hungry = True
            try:
                for lane in self._tenure.lanes:
                    await self._fill(lane)
            except (psycopg.Error, ServerUnreachable) as error:
                if isinstance(error, psycopg.Error) and error.sqlstate == GIVEN_UP:
                    self._tenure.identity.lose("the server had given it up")
                    return
                if not is_transient(error):
                    raise
                logger.warning("claimer: interrupted: %s", one_line(error))
                await self.take_up_strays()
                self._hints.tell_of_work()

    def stop(self) -> None:
        """Let ``run`` return when the claim under way, if there is one, has been answered."""
        self._stopping = True
        self._hints.claims.set()

    async def watch_cancels(self) -> None:
        """Pass on which jobs in hand were cancelled, for ever."""
        runner = self._tenure.runner
        while True:
            await wait_for_hint(self._hints.cancels, self._poll_s)
            self._cancel_looks += 1
            if not runner.in_hand:
                continue
            parameters = {"processor": self._tenure.identity.processor, "job_ids": bare(runner.in_hand)}
            for (job_id,) in await self._link.fetch(CANCELLED, parameters):
                runner.cancel(job_id)

    @asynccontextmanager
    async def along(self) -> AsyncIterator[Ask | None]:
        """A claim for the sequencer to make together with its pass; None while one is under way, or there is no room.

        The jobs that the block has been ``granted`` are begun. If it raises, nobody knows whether there were any.
        """
        if self._turn.locked() or self._stopping or self._tenure.recorder.is_behind(MOST_UNRECORDED):
            yield None
            return
        async with self._turn:
            lanes = self._tenure.lanes
            ask = next(filter(None, map(self._ask, lanes)), None)
            try:
                yield ask
            except BaseException:
                self._unsure = True
                self._hints.claims.set()
                raise
            if ask is None or ask.granted is None or self._ended:
                return
            for lane in lanes:
                lane.hungry = True
            await self._begin(ask)
            if any(lane.hungry for lane in lanes):
                self._hints.claims.set()

    async def take_up_strays(self) -> None:
        """Take up claims in this processor's name that it knows nothing of."""
        async with self._turn:
            self._unsure = False
            self._claims = [claim for claim in self._claims if claim.open]
            known = bare(str(claim.id) for claim in self._claims)
            rows = await self._link.fetch(STRAYS, {"processor": self._tenure.identity.processor, "known": known})
            for claim_id in dict.fromkeys(row[0] for row in rows):
                jobs = [Claimed(*row[1:]) for row in rows if row[0] == claim_id]
                logger.warning("claim %s: granted unseen; its %d jobs are taken up", claim_id, len(jobs))
                await self._take(claim_id, jobs)

    async def _fill(self, lane: Lane) -> None:
        while lane.hungry and not self._stopping:
            await self._tenure.recorder.keep_up(MOST_UNRECORDED)
            async with self._turn:
                ask = self._ask(lane)
                if ask is None:
                    return
                ask.granted = [Claimed(*row) for row in await self._link.fetch_once(CLAIM, ask.parameters)]
                await self._begin(ask)

    def _ask(self, lane: Lane) -> Ask | None:
        room = lane.room(self._settings.batch)
        if room == 0:
            return None
        return Ask(lane, room, {
            "processor": self._tenure.identity.processor, "claim": new_id(),
            "namespaces": list(self._settings.namespaces), "names": lane.names, "limit": room,
        }, self._cancel_looks)  # fmt: skip

    async def _begin(self, ask: Ask) -> None:
        granted = ask.granted or ()
        ask.lane.hungry = len(granted) == ask.room
        if granted:
            await self._take(ask.parameters["claim"], granted)
        if ask.cancel_looks != self._cancel_looks:
            # a cancel that was announced meanwhile may be for one of these
            self._hints.cancels.set()

    async def _take(self, claim_id: UUID, jobs: Sequence[Claimed]) -> None:
        claim = Claim(claim_id, len(jobs), asyncio.get_running_loop().time())
        self._claims.append(claim)
        again = [job.job_id for job in jobs if job.attempt > 1]
        steps = read_steps(await self._link.fetch(COMPLETED_STEPS, {"job_ids": bare(again)})) if again else {}
        attempts = []
        for job in jobs:
            handler = self._registry.find(job.name)
            attempt = Attempt(job, handler, self._tenure.lane_for(handler), claim, self._tenure)
            if job.attempt > 1:
                attempt.steps = steps.get(job.job_id, {})
            attempts.append(attempt)
        self._tenure.runner.take(attempts)
