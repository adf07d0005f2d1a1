"""Executors, each without a service: what is called, what its end is, and how it is stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ledger.model.data import JobError
from ledger.ports.store import Claimed
from processor import Cancelled, Deferred, Failed, JobCancelled, JobContext, Permanent, Registry, Retry
from processor.executors.event_loop import EventLoopExecutor
from processor.executors.executor import Executor
from processor.executors.loop_thread import LoopThread
from processor.executors.threads import ThreadExecutor
from processor.handlers.call import CallEnd, HandlerCall
from processor.handlers.channel import JobChannel
from processor.handlers.stopping import StopReason
from processor.handlers.written import WrittenResult

JOB = Claimed("0190", "work", 1, 0, 0, None, None, "alice", datetime(2026, 1, 1, tzinfo=UTC), "{}")
KINDS: dict[str, Callable[[LoopThread], Executor]] = {
    "event loop": EventLoopExecutor,
    "threads": lambda loop_thread: ThreadExecutor(loop_thread, 4),
}
every_executor = pytest.mark.parametrize("kind", list(KINDS))


class Stop:
    """The answer that the context of a call gets when it asks whether it must stop."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None

    def __call__(self) -> StopReason | None:
        return self.reason


def call_of(kind: str, body: Callable[[JobContext], Any], stop: Stop) -> HandlerCall:
    """A call of a handler of this kind that does what ``body`` does."""
    registry = Registry()
    if kind == "event loop":

        @registry.handler("work")
        async def work_async(job: JobContext) -> Any:
            return body(job)
    else:

        @registry.handler("work")
        def work(job: JobContext) -> Any:
            return body(job)

    silent = cast("Any", None)
    channel = JobChannel(silent, silent, silent, {}, stop, lambda: True)
    return HandlerCall(registry.find("work"), None, JobContext(JOB, "default", channel), stop)


def run(kind: str, body: Callable[[JobContext], Any], stop: Stop | None = None) -> tuple[CallEnd, int, int]:
    """How a call ends; the thread that heard of it, and the loop's."""

    async def scene() -> tuple[CallEnd, int, int]:
        executor = KINDS[kind](LoopThread())
        ended: asyncio.Future[tuple[CallEnd, int, int]] = asyncio.get_running_loop().create_future()
        here = threading.get_ident()
        executor.start(
            call_of(kind, body, stop or Stop()), lambda end: ended.set_result((end, threading.get_ident(), here))
        )
        try:
            return await ended
        finally:
            executor.close()

    return asyncio.run(scene())


def fail(error: BaseException) -> Any:
    raise error


@every_executor
@pytest.mark.parametrize(
    ("body", "end"),
    [
        (lambda _job: None, WrittenResult()),
        (lambda job: {"n": job.attempt}, WrittenResult('{"n":1}')),
        (lambda _job: Deferred(after=5), Deferred(after=5)),
        (lambda _job: fail(JobCancelled("no more")), Cancelled()),
    ],
    ids=["nothing", "a result", "an outcome", "the job's own stop"],
)
def test_an_end_is_heard_in_the_loops_thread(kind: str, body: Callable[[JobContext], Any], end: CallEnd) -> None:
    found, heard_in, loop_thread = run(kind, body)
    assert found == end
    assert heard_in == loop_thread


@every_executor
@pytest.mark.parametrize(
    ("error", "outcome", "kind_of_error"),
    [
        (ValueError("x"), Retry, "ValueError"),
        (Permanent("x"), Failed, "Permanent"),
        (SystemExit(3), Retry, "SystemExit"),
    ],
)
def test_an_error_is_described_where_it_was_raised(
    kind: str, error: BaseException, outcome: type, kind_of_error: str
) -> None:
    end, _, _ = run(kind, lambda _job: fail(error))
    assert isinstance(end, outcome)
    described = cast("Retry | Failed", end).error
    assert isinstance(described, JobError)
    assert described.type == kind_of_error


@every_executor
@pytest.mark.parametrize("reason", StopReason)
def test_an_error_of_one_that_was_asked_to_stop_is_its_stopping(kind: str, reason: StopReason) -> None:
    stop = Stop()

    def body(job: JobContext) -> None:
        stop.reason = reason
        raise ValueError

    assert run(kind, body, stop)[0] is reason


@every_executor
def test_one_that_was_asked_to_stop_and_returns_has_finished(kind: str) -> None:
    stop = Stop()

    def body(job: JobContext) -> str:
        stop.reason = StopReason.CANCEL
        return "done"

    assert run(kind, body, stop)[0] == WrittenResult('"done"')


def test_a_task_is_interrupted_where_it_waits() -> None:
    registry = Registry()
    begun = asyncio.Event()

    @registry.handler("work")
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def scene() -> CallEnd:
        stop = Stop()
        executor = EventLoopExecutor(LoopThread())
        ended: asyncio.Future[CallEnd] = asyncio.get_running_loop().create_future()
        call = HandlerCall(registry.find("work"), None, cast("JobContext", None), stop)
        executor.start(call, ended.set_result)
        await begun.wait()
        stop.reason = StopReason.TIMEOUT
        assert executor.interrupt(call)
        return await ended

    assert asyncio.run(scene()) is StopReason.TIMEOUT


def test_a_task_that_is_stopped_before_it_begins_ends_without_a_call() -> None:
    calls: list[int] = []

    async def scene() -> CallEnd:
        stop = Stop()
        executor = EventLoopExecutor(LoopThread())
        ended: asyncio.Future[CallEnd] = asyncio.get_running_loop().create_future()
        call = call_of("event loop", lambda _job: calls.append(1), stop)
        executor.start(call, ended.set_result)
        stop.reason = StopReason.DRAIN
        assert executor.interrupt(call)
        return await ended

    assert asyncio.run(scene()) is StopReason.DRAIN
    assert calls == []


def test_a_thread_cannot_be_interrupted_and_looks_for_itself() -> None:
    begun, asked = threading.Event(), threading.Event()

    def body(job: JobContext) -> None:
        begun.set()
        assert asked.wait(30)
        job.raise_if_cancelled()

    async def scene() -> CallEnd:
        stop = Stop()
        executor = ThreadExecutor(LoopThread(), 1)
        ended: asyncio.Future[CallEnd] = asyncio.get_running_loop().create_future()
        call = call_of("threads", body, stop)
        executor.start(call, ended.set_result)
        await asyncio.to_thread(begun.wait, 30)
        stop.reason = StopReason.LOST
        assert not executor.interrupt(call)
        asked.set()
        try:
            return await ended
        finally:
            executor.close()

    assert asyncio.run(scene()) is StopReason.LOST
