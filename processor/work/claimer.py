"""Taking jobs: as many as there is room for, a whole batch in one statement."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import ServerUnreachable, one_line
from ledger.model.ids import new_id
from ledger.ports.store import ClaimRequest, NotRegistered
from processor.handlers.steps import read_steps
from processor.session.hints import wait_for_hint
from processor.work.attempt import ActiveAttempt, Claim

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from uuid import UUID

    from ledger.ports.store import Claimed, Pass, Store
    from processor.handlers.registry import Registry
    from processor.session.hints import Hints
    from processor.session.liveness import Identity
    from processor.settings import Settings
    from processor.work.cancels import CancelWatch
    from processor.work.lanes import Lane
    from processor.work.recorder import Recorder

logger = logging.getLogger(__name__)

MOST_UNRECORDED: Final = 2_000
"""While more ends than these wait to be recorded, no further job is claimed."""


class PlannedClaim(NamedTuple):
    """A claim to be made: for one lane as much as it has room for, up to ``request.limit``."""

    lane: Lane[ActiveAttempt]
    request: ClaimRequest
    cancel_looks: int


class Claimer:
    """Keeps the lanes of one registered processor filled. What it claims, ``begin`` is called with.

    A claim whose answer was lost with the connection may have been granted all the same. So it is not sent again.
    Instead, each poll asks for claims that stand in the ledger and are not known here, and takes up those of their
    attempts that still run. A claim all of whose attempts have ended is forgotten here before it is in the ledger.
    """

    def __init__(
        self,
        store: Store,
        identity: Identity,
        registry: Registry,
        settings: Settings,
        lanes: Sequence[Lane[ActiveAttempt]],
        recorder: Recorder,
        cancels: CancelWatch,
        hints: Hints,
        poll_s: float,
        begin: Callable[[list[ActiveAttempt]], None],
    ) -> None:
        self._store = store
        self._identity = identity
        self._registry = registry
        self._settings = settings
        self._lanes = lanes
        self._lane_of = {name: lane for lane in lanes for name in lane.names}
        self._recorder = recorder
        self._cancels = cancels
        self._hints = hints
        self._poll_s = poll_s
        self._begin_attempts = begin
        self._claims: list[Claim] = []
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
                self._expect_work()
            try:
                for lane in self._lanes:
                    await self._fill(lane)
            except NotRegistered:
                self._identity.lose("the server had given it up")
                return
            except ServerUnreachable as error:
                logger.warning("claimer: interrupted: %s", one_line(error))
                await self.take_up_unknown_claims()
                self._hints.tell_of_work()

    def stop(self) -> None:
        """Let ``run`` return when the claim under way, if there is one, has been answered."""
        self._stopping = True
        self._hints.claims.set()

    async def claim_along(self, make_pass: Callable[[ClaimRequest], Awaitable[Pass]]) -> Pass | None:
        """Have the leader's pass made together with a claim, and begin the jobs that it was granted.

        None, and no pass, while a claim is under way or there is no room. If the pass raises, nobody knows whether it
        was granted any.
        """
        if self._claiming.locked() or self._stopping or self._recorder.is_behind(MOST_UNRECORDED):
            return None
        async with self._claiming:
            planned = next(filter(None, map(self._plan, self._lanes)), None)
            if planned is None:
                return None
            try:
                made = await make_pass(planned.request)
            except BaseException:
                self._unsure = True
                self._hints.claims.set()
                raise
            if made.claimed is None or self._ended:
                return made
            self._expect_work()
            await self._begin(planned, made.claimed)
            if any(lane.may_have_work for lane in self._lanes):
                self._hints.claims.set()
            return made

    async def take_up_unknown_claims(self) -> None:
        """Take up claims in this processor's name that it knows nothing of."""
        async with self._claiming:
            self._unsure = False
            self._claims = [claim for claim in self._claims if claim.open]
            known = [claim.id for claim in self._claims]
            for claim_id, jobs in await self._store.unknown_claims(self._identity.processor, known):
                logger.warning("claim %s: its answer was lost; its %d jobs are taken up", claim_id, len(jobs))
                await self._take(claim_id, jobs)

    def _expect_work(self) -> None:
        for lane in self._lanes:
            lane.may_have_work = True

    async def _fill(self, lane: Lane[ActiveAttempt]) -> None:
        while lane.may_have_work and not self._stopping:
            await self._recorder.keep_up(MOST_UNRECORDED)
            async with self._claiming:
                planned = self._plan(lane)
                if planned is None:
                    return
                await self._begin(planned, await self._store.claim(planned.request))

    def _plan(self, lane: Lane[ActiveAttempt]) -> PlannedClaim | None:
        room = lane.room(self._settings.batch)
        if room == 0:
            return None
        namespaces = list(self._settings.namespaces)
        request = ClaimRequest(self._identity.processor, new_id(), namespaces, lane.names, room)
        return PlannedClaim(lane, request, self._cancels.looks)

    async def _begin(self, planned: PlannedClaim, granted: Sequence[Claimed]) -> None:
        planned.lane.may_have_work = len(granted) == planned.request.limit
        if granted:
            await self._take(planned.request.claim, granted)
        self._cancels.look_again(planned.cancel_looks)

    async def _take(self, claim_id: UUID, jobs: Sequence[Claimed]) -> None:
        claim = Claim(claim_id, len(jobs), asyncio.get_running_loop().time())
        self._claims.append(claim)
        again = [job.job_id for job in jobs if job.attempt > 1]
        steps = read_steps(await self._store.steps(again)) if again else {}
        self._begin_attempts([
            ActiveAttempt(
                job, self._registry.find(job.name), self._lane_of[job.name], claim, self._identity,
                steps.get(job.job_id, {}) if job.attempt > 1 else {},
            )
            for job in jobs
        ])  # fmt: skip
