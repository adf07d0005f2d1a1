"""Following a job: every change once, from wherever it comes, until the end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from stepwise import Server
from waiting import until

from client_sync import Job, JobClient, JobFailed
from ledger.errors import WaitTimeout


def test_watching_shows_each_change_and_ends_with_the_job(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    states = online.watch(job.id, timeout=10)
    assert next(states).shown == "saved"
    online.sync()
    assert next(states).shown == "accepted"
    server.sequence()
    online.sync()
    assert next(states).shown == "pending"
    server.start("count-words")
    server.sequence()
    online.sync()
    assert next(states).shown == "running"
    for percent in (25.0, 75.0):
        server.record(job.id, "attempt.progressed", n=int(percent), percent=percent)
        server.sequence()
        online.sync()
        state = next(states)
        assert state.progress is not None
        assert state.progress.percent == percent
    server.record(job.id, "job.completed", result=17)
    server.sequence()
    online.sync()
    assert [(state.shown, state.result) for state in states] == [("completed", 17)]


def test_a_watcher_sees_what_another_process_changes(jobs: JobClient, plain: sqlite3.Connection) -> None:
    job = jobs.submit("count-words")
    states = jobs.watch(job.id, timeout=10)
    next(states)
    plain.execute("insert into events (job_id, type) values (:id, 'job.cancel_requested')", {"id": str(job.id)})
    assert next(states).shown == "cancelling"


def test_a_watcher_is_woken_at_once_by_this_process(jobs: JobClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.file.watch.LOOK_EVERY_S", 60.0)
    job = jobs.submit("count-words")
    seen: list[str] = []
    woken = threading.Event()

    def watch() -> None:
        for state in jobs.watch(job.id, timeout=60):
            seen.append(state.shown)
            if len(seen) == 2:
                woken.set()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    until(lambda: bool(seen), "the first look")
    jobs.cancel(job.id)
    assert woken.wait(10)
    watcher.join()
    assert seen == ["saved", "cancelling"]


def test_watching_and_waiting_give_up_in_time(jobs: JobClient) -> None:
    job = jobs.submit("count-words")
    with pytest.raises(WaitTimeout, match="is still saved"):
        jobs.wait(job.id, timeout=0.05)
    states: Iterator[Job] = jobs.watch(job.id, timeout=0.05)
    assert next(states) == job
    with pytest.raises(WaitTimeout):
        next(states)


def test_waiting_for_a_failed_job_says_why(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.sequence()
    server.start("count-words")
    error = {"type": "FileNotFoundError", "message": "a.txt", "retryable": False}
    server.record(job.id, "job.failed", attempts=1, error=error)
    server.sequence()
    online.sync()
    with pytest.raises(JobFailed, match=r"failed: FileNotFoundError: a\.txt") as failure:
        online.wait(job.id, timeout=1)
    assert failure.value.exit_code == 5
    assert failure.value.job.error is not None
    assert failure.value.job.error.type == "FileNotFoundError"


def test_a_client_closed_by_another_thread_ends_the_wait(path: Path) -> None:
    jobs = JobClient(path)
    job = jobs.submit("count-words")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            jobs.wait(job.id, timeout=60)
        except Exception as error:
            ended.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    jobs.close()
    waiter.join(10)
    assert [str(error) for error in ended] == [f"{path} is closed"]
