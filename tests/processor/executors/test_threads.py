"""The threads of plain handlers."""

from __future__ import annotations

import threading

import pytest
from hostile_errors import RaisingStr
from waiting import until

from processor.executors.threads import Threads


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
