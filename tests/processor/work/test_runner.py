"""A runner with an executor of each kind, in a real ledger and without a service."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from in_process import QUICK, Ledger
from ledger_calls import Worker, push_jobs, sequence
from waiting import until

from ledger.model.ids import new_id
from ledger.ports.store import ClaimRequest
from ledger.postgres.store.store import PostgresStore
from processor import JobContext, Registry
from processor.executors.event_loop import EventLoopExecutor
from processor.executors.executor import Executor
from processor.executors.loop_thread import LoopThread
from processor.executors.threads import ThreadExecutor
from processor.session.clock import ServerClock
from processor.session.hints import Hints
from processor.session.liveness import Identity
from processor.work.attempt import ActiveAttempt, Claim
from processor.work.ends import EndEvents
from processor.work.lanes import Lane
from processor.work.recorder import Recorder
from processor.work.reporter import Reporter
from processor.work.runner import Runner

PLACES = 2
KINDS: dict[str, Callable[[LoopThread], Executor]] = {
    "event loop": EventLoopExecutor,
    "threads": lambda loop_thread: ThreadExecutor(loop_thread, PLACES),
}
every_executor = pytest.mark.parametrize("kind", list(KINDS))


class Bench:
    """A runner with one lane, and what it needs around it."""

    def __init__(self, ledger: Ledger, kind: str, registry: Registry) -> None:
        self.ledger = ledger
        self._registry = registry
        self._worker = Worker(ledger.database.connect("worker"))
        self._store = PostgresStore(ledger.database.dsn_as("worker"))
        self._identity = Identity(self._worker.id, lambda _: None)
        loop_thread = LoopThread()
        self.lane = Lane[ActiveAttempt](registry.names(), KINDS[kind](loop_thread), limit=PLACES)
        self._recorder = Recorder(self._store, self._worker.id, QUICK, lambda attempt: self.runner.lose(attempt))
        reporter = Reporter(loop_thread, self._recorder)
        self.runner = Runner([self.lane], self._recorder, reporter, EndEvents(ServerClock(), QUICK), Hints())

    async def take(self, jobs: int) -> list[ActiveAttempt]:
        """Request so many jobs, claim them, and give them to the runner."""
        push_jobs(self.ledger.client, jobs)
        sequence(self.ledger.owner)
        request = ClaimRequest(self._worker.id, new_id(), ["default"], self.lane.names, jobs)
        claim = Claim(request.claim, jobs, asyncio.get_running_loop().time())
        attempts = [
            ActiveAttempt(job, self._registry.find(job.name), self.lane, claim, self._identity, {})
            for job in await self._store.claim(request)
        ]
        self.runner.take(attempts)
        return attempts

    async def flush(self) -> None:
        """Wait until nothing is in hand, and all is recorded."""
        assert await self.runner.until_empty(30)
        await self._recorder.flush()

    async def until_idle(self) -> None:
        """Wait until every function has returned."""
        await asyncio.to_thread(until, lambda: not self.lane.running, "the functions to return")

    def statuses(self, attempts: list[ActiveAttempt]) -> list[str]:
        return [str(self.row(attempt)["status"]) for attempt in attempts]

    def row(self, attempt: ActiveAttempt) -> dict[str, Any]:
        query = "select * from ledger.jobs where job_id = %(id)s"
        row = self.ledger.owner.execute(query, {"id": attempt.job.job_id}).fetchone()
        assert row is not None
        return row

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[Bench]:
        recording = asyncio.create_task(self._recorder.run())
        try:
            yield self
        finally:
            recording.cancel()
            await asyncio.gather(recording, return_exceptions=True)
            self.lane.executor.close()
            await self._store.disconnect()


def registry_of(kind: str, body: Callable[[JobContext], Any]) -> Registry:
    """A handler of this kind that does what ``body`` does."""
    registry = Registry()
    if kind == "event loop":

        @registry.handler("noop")
        async def work_async(job: JobContext) -> Any:
            await asyncio.sleep(0)
            return body(job)
    else:

        @registry.handler("noop")
        def work(job: JobContext) -> Any:
            return body(job)

    return registry


@every_executor
def test_all_that_is_taken_runs_place_by_place_and_ends_in_the_ledger(ledger: Ledger, kind: str) -> None:
    most, lock, running = [0], threading.Lock(), [0]

    def body(job: JobContext) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        job.log.info("runs")
        with lock:
            running[0] -= 1
        return job.attempt

    async def scene() -> None:
        async with Bench(ledger, kind, registry_of(kind, body)).recording() as bench:
            attempts = await bench.take(20)
            assert len(bench.lane.waiting) == 20 - PLACES
            await bench.flush()
            assert bench.statuses(attempts) == ["completed"] * 20
            assert bench.lane.running == 0
            assert attempts[0].claim.open == 0

    asyncio.run(scene())
    assert most[0] <= PLACES
    assert ledger.count("select count(*) from ledger.events where type = 'attempt.logged'") == 20
    ledger.verify()


@every_executor
def test_an_attempt_that_is_cancelled_ends_as_cancelled_whether_it_runs_or_waits(ledger: Ledger, kind: str) -> None:
    registry = Registry()
    begun = threading.Semaphore(0)
    if kind == "event loop":

        @registry.handler("noop")
        async def endless() -> None:
            begun.release()
            await asyncio.Event().wait()
    else:

        @registry.handler("noop")
        def looks(job: JobContext) -> None:
            begun.release()
            while True:
                job.raise_if_cancelled()

    async def scene() -> None:
        async with Bench(ledger, kind, registry).recording() as bench:
            attempts = await bench.take(PLACES + 1)
            for _ in range(PLACES):
                assert await asyncio.to_thread(begun.acquire, timeout=30)
            for attempt in reversed(attempts):
                bench.runner.cancel(attempt.job.job_id)
            await bench.flush()
            assert bench.statuses(attempts) == ["cancelled"] * len(attempts)

    asyncio.run(scene())
    ledger.verify()


@every_executor
def test_what_is_lost_is_stopped_and_nothing_more_of_it_is_recorded(ledger: Ledger, kind: str) -> None:
    release = threading.Event()

    async def scene() -> None:
        async with Bench(ledger, kind, registry).recording() as bench:
            [attempt] = await bench.take(1)
            assert await asyncio.to_thread(begun.wait, 30)
            bench.runner.lose_all()
            assert not bench.runner.in_hand
            release.set()
            await bench.until_idle()
            await bench.flush()
            assert bench.statuses([attempt]) == ["running"]

    registry = Registry()
    begun = threading.Event()
    if kind == "event loop":

        @registry.handler("noop")
        async def work_async() -> None:
            begun.set()
            await asyncio.Event().wait()
    else:

        @registry.handler("noop")
        def work() -> None:
            begun.set()
            release.wait(30)

    asyncio.run(scene())


@every_executor
def test_nothing_of_an_attempt_that_has_ended_waits_for_the_garbage_collector(ledger: Ledger, kind: str) -> None:
    async def scene() -> int:
        async with Bench(ledger, kind, registry_of(kind, lambda job: job.cancelled)).recording() as bench:
            await bench.take(10)
            await bench.flush()
            await bench.until_idle()
            return sum(type(thing) is ActiveAttempt for thing in gc.get_objects())

    gc.collect()
    before = sum(type(thing) is ActiveAttempt for thing in gc.get_objects())
    gc.disable()
    try:
        assert asyncio.run(scene()) <= before + 1  # a thread may hold its last one for a moment
    finally:
        gc.enable()
