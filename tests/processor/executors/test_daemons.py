"""Threads that keep no process from ending."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hostile_errors import RaisingStr
from waiting import until

from processor.executors.daemons import DaemonPool, Threads

R = TypeVar("R")


def test_work_runs_side_by_side_up_to_the_limit() -> None:
    threads = Threads(3)
    together = threading.Barrier(3)
    done: list[int] = []

    def work() -> None:
        together.wait(10)
        done.append(threading.get_ident())

    for _ in range(6):
        threads.submit(work)
    until(lambda: len(done) == 6, "six pieces of work")
    assert len(set(done)) == 3
    threads.close()


def test_a_thread_that_is_free_is_used_again() -> None:
    threads = Threads(8)
    used: list[int] = []
    for n in range(20):
        threads.submit(lambda: used.append(threading.get_ident()))
        until(lambda n=n: len(used) == n + 1, "the work")  # type: ignore[misc]  # mypy reads n as an argument
        until(lambda: threads._idle._value == 1, "the thread to be free")  # nothing else shows it
    assert len(set(used)) == 1
    threads.close()


def test_a_thread_survives_its_work(caplog: pytest.LogCaptureFixture) -> None:
    threads = Threads(1)
    used: list[int] = []

    def fail(error: BaseException) -> None:
        used.append(threading.get_ident())
        raise error

    for error in (ValueError(), SystemExit(3), RaisingStr()):
        threads.submit(lambda error=error: fail(error))  # type: ignore[misc]  # mypy reads error as an argument
    until(lambda: len(caplog.records) == 3, "three pieces of work")
    assert len(set(used)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"work for a thread raised {name}" for name in ("ValueError", "SystemExit", "RaisingStr")
    ]
    threads.close()


def test_threads_end_when_they_are_closed() -> None:
    threads = Threads(3)
    together = threading.Barrier(3)
    running: list[threading.Thread] = []

    def work() -> None:
        running.append(threading.current_thread())
        together.wait(10)

    for _ in range(3):
        threads.submit(work)
    until(lambda: len(running) == 3, "three threads")
    threads.close()
    for thread in running:
        thread.join(10)
        assert not thread.is_alive()


def test_stuck_work_keeps_no_process_alive() -> None:
    threads = Threads(1)
    release = threading.Event()
    threads.submit(release.wait)  # type: ignore[arg-type]  # what it gives is not looked at
    until(lambda: any(t.name == "job-1" and t.daemon for t in threading.enumerate()), "a daemon thread")
    release.set()
    threads.close()


def in_loop_with_pool(scene: Coroutine[Any, Any, R]) -> R:
    """Run this in a loop that has a pool of two daemons."""

    async def main() -> R:
        asyncio.get_running_loop().set_default_executor(DaemonPool(2))
        return await scene

    return asyncio.run(main())


def test_to_thread_gives_results_errors_and_context_from_a_pool_of_daemons() -> None:
    variable = contextvars.ContextVar[str]("variable")

    def fail() -> None:
        raise LookupError("no")

    async def scene() -> None:
        variable.set("kept")
        assert await asyncio.to_thread(lambda: (variable.get(), threading.current_thread().daemon)) == ("kept", True)
        with pytest.raises(LookupError, match="no"):
            await asyncio.to_thread(fail)
        assert await asyncio.gather(*(asyncio.to_thread(pow, n, 2) for n in range(10))) == [n * n for n in range(10)]

    in_loop_with_pool(scene())


def test_a_loop_ends_while_a_thread_of_its_pool_is_stuck() -> None:
    release = threading.Event()
    started = threading.Event()

    def stuck() -> None:
        started.set()
        release.wait()

    async def scene() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(stuck))
        assert await asyncio.to_thread(started.wait, 30)
        waiting.cancel()

    in_loop_with_pool(scene())
    release.set()


def test_a_pool_that_is_shut_down_takes_no_more() -> None:
    pool = DaemonPool(1)
    assert pool.submit(pow, 2, 3).result(30) == 8
    pool.shutdown()
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(pow, 2, 3)


def test_work_that_was_cancelled_before_it_began_is_not_done() -> None:
    pool = DaemonPool(1)
    release, done = threading.Event(), list[int]()
    first = pool.submit(release.wait, 30)
    second = pool.submit(done.append, 2)
    assert second.cancel()
    release.set()
    assert first.result(30)
    assert pool.submit(pow, 1, 1).result(30) == 1
    assert done == []
    pool.shutdown()
