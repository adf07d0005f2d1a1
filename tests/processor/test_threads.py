"""The threads of plain handlers."""

from __future__ import annotations

import threading

from waiting import until

from processor.threads import Threads


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
    used: list[str] = []
    for n in range(20):
        threads.submit(lambda: used.append(threading.current_thread().name))
        until(lambda n=n: len(used) == n + 1, "the work")  # type: ignore[misc]  # mypy reads n as an argument
    assert len(set(used)) < 8
    threads.close()


def test_stuck_work_keeps_no_process_alive() -> None:
    threads = Threads(1)
    release = threading.Event()
    threads.submit(release.wait)  # type: ignore[arg-type]  # what it gives is not looked at
    until(lambda: any(t.name == "job-1" and t.daemon for t in threading.enumerate()), "a daemon thread")
    release.set()
    threads.close()
