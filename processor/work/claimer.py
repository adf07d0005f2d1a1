"""Taking jobs: as many as there is room for, a whole batch in one statement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import ServerUnreachable, one_line
from ledger.model.ids import new_id
from ledger.ports.store import Claimed, ClaimRequest, NotRegistered, Pass, Store
from processor.session.hints import wait_for_hint
from processor.work.attempt import Attempt, Claim, read_steps
from processor.work.lanes import Lane

if TYPE_CHECKING:
    from uuid import UUID

    from processor.handlers.registry import Registry
    from processor.settings import Settings
    from processor.work.worker import Worker

logger = logging.getLogger(__name__)

MOST_UNRECORDED: Final = 2_000
"""While more ends than these wait to be recorded, no further job is claimed."""


class Ask(NamedTuple):
    """A claim to be made: of one lane as much as it has room for, up to ``request.limit``."""

    lane: Lane
    request: ClaimRequest
    cancel_looks: int


class Claimer:
    """Keeps the lanes of one registered processor filled, and learns which of its jobs were cancelled.

    A claim whose answer was lost with the connection may have been granted all the same. So it is not sent again;
    instead, claims that stand in the ledger and are not known here are taken up, at each poll: those of their attempts
    that still run. One that has closed may be forgotten here before it is in the ledger: all its attempts have ended.
    """

    def __init__(self, store: Store, tenure: Worker, registry: Registry, settings: Settings, poll_s: float) -> None:
        self._store = store
        self._tenure = tenure
        self._registry = registry
        self._settings = settings
        self._hints = tenure.hints
        self._poll_s = poll_s
        self._claims: list[Claim] = []
        self._cancel_looks = 0
        self._claiming = asyncio.Lock()
        """Held from the moment a claim is made until its jobs are known here, so that it does not look unknown."""
        self._unsure = False
        self._stopping = False
        self._ended = False

    async def run(self) -> None:
        """Claim whenever there may be work and room for it, until ``stop``. Raises what is not transient."""
        try:
            await self._claim_until_stopped()
            async with self._claiming:
                pass  # what the leader claims at this moment is still taken in
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
                await self.take_up_unknown_claims()
            if self._hints.take_new_work():
                for lane in self._tenure.lanes:
                    lane.hungry = True
            try:
                for lane in self._tenure.lanes:
                    await self._fill(lane)
            except NotRegistered:
                self._tenure.identity.lose("the server had given it up")
                return
            except ServerUnreachable as error:
                logger.warning("claimer: interrupted: %s", one_line(error))
                await self.take_up_unknown_claims()
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
            for job_id in await self._store.cancelled(self._tenure.identity.processor, list(runner.in_hand)):
                runner.cancel(job_id)

    async def claim_along(self, make_pass: Callable[[ClaimRequest], Awaitable[Pass]]) -> Pass | None:
        """Have the leader's pass made together with a claim, and begin the jobs that it was granted.

        None, and no pass, while a claim is under way or there is no room. If the pass raises, nobody knows whether it
        was granted any.
        """
        if self._claiming.locked() or self._stopping or self._tenure.recorder.is_behind(MOST_UNRECORDED):
            return None
        async with self._claiming:
            lanes = self._tenure.lanes
            ask = next(filter(None, map(self._ask, lanes)), None)
            if ask is None:
                return None
            try:
                made = await make_pass(ask.request)
            except BaseException:
                self._unsure = True
                self._hints.claims.set()
                raise
            if made.claimed is None or self._ended:
                return made
            for lane in lanes:
                lane.hungry = True
            await self._begin(ask, made.claimed)
            if any(lane.hungry for lane in lanes):
                self._hints.claims.set()
            return made

    async def take_up_unknown_claims(self) -> None:
        """Take up claims in this processor's name that it knows nothing of."""
        async with self._claiming:
            self._unsure = False
            self._claims = [claim for claim in self._claims if claim.open]
            known = [claim.id for claim in self._claims]
            for claim_id, jobs in await self._store.unknown_claims(self._tenure.identity.processor, known):
                logger.warning("claim %s: granted unseen; its %d jobs are taken up", claim_id, len(jobs))
                await self._take(claim_id, jobs)

    async def _fill(self, lane: Lane) -> None:
        while lane.hungry and not self._stopping:
            await self._tenure.recorder.keep_up(MOST_UNRECORDED)
            async with self._claiming:
                ask = self._ask(lane)
                if ask is None:
                    return
                await self._begin(ask, await self._store.claim(ask.request))

    def _ask(self, lane: Lane) -> Ask | None:
        room = lane.room(self._settings.batch)
        if room == 0:
            return None
        request = ClaimRequest(
            self._tenure.identity.processor, new_id(), list(self._settings.namespaces), lane.names, room
        )
        return Ask(lane, request, self._cancel_looks)

    async def _begin(self, ask: Ask, granted: Sequence[Claimed]) -> None:
        ask.lane.hungry = len(granted) == ask.request.limit
        if granted:
            await self._take(ask.request.claim, granted)
        if ask.cancel_looks != self._cancel_looks:
            # a cancel that was announced meanwhile may be for one of these
            self._hints.cancels.set()

    async def _take(self, claim_id: UUID, jobs: Sequence[Claimed]) -> None:
        claim = Claim(claim_id, len(jobs), asyncio.get_running_loop().time())
        self._claims.append(claim)
        again = [job.job_id for job in jobs if job.attempt > 1]
        steps = read_steps(await self._store.steps(again)) if again else {}
        attempts = []
        for job in jobs:
            handler = self._registry.find(job.name)
            attempt = Attempt(job, handler, self._tenure.lane_for(handler), claim, self._tenure)
            if job.attempt > 1:
                attempt.steps = steps.get(job.job_id, {})
            attempts.append(attempt)
        self._tenure.runner.take(attempts)
