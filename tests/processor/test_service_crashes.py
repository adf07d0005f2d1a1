"""Handlers that take their processor down with them."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from in_process import Ledger, Start
from ledger_calls import Worker, cancel, push_jobs, sequence
from serving import processor
from waiting import until

from processor import Registry, RetryPolicy
from processor.work import alone

APP = ("--app", "hostile_jobs:jobs", "--threads", "8", "--poll", "1")


@contextmanager
def supervised(dsn: str, log: Path) -> Iterator[list[int]]:
    """A processor that is started again whenever it dies; the exit codes so far."""
    codes: list[int] = []
    stopped = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def supervise() -> None:
        while not stopped.is_set():
            with processor(dsn, log, *APP) as process:
                running[:] = [process]
                if not stopped.is_set():
                    codes.append(process.wait())

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield codes
    finally:
        stopped.set()
        until(lambda: running, "a processor")
        running[0].kill()
        thread.join()


def losses_of(ledger: Ledger, job: UUID) -> list[bool | None]:
    """What each loss says of whether the job ran alone."""
    return [event["data"].get("alone") for event in ledger.events(job) if event["type"] == "attempt.lost"]


def rescuer(start: Start, max_losses: int) -> None:
    """Somebody who brings lost jobs back, and runs none of them."""
    registry = Registry()
    registry.handler("other")(lambda: None)
    start(registry, grace=0.1, retry=RetryPolicy(first_wait_s=0.01, jitter=0, max_losses=max_losses))


@pytest.mark.parametrize("crash", ["segfaults", "leaves", "is-killed"])
def test_p4_a_job_that_takes_its_processors_down_fails_and_the_jobs_beside_it_do_not(
    ledger: Ledger, start: Start, tmp_path: Path, crash: str
) -> None:
    rescuer(start, max_losses=3)
    sign, log = tmp_path / "sign", tmp_path / "log"
    innocent = [ledger.submit("innocent", {"path": str(sign)}) for _ in range(5)]
    with supervised(ledger.database.dsn_as("worker"), log) as codes:
        for job in innocent:
            ledger.wait_for(job, "running")
        guilty = ledger.submit(crash)
        until(lambda: len(losses_of(ledger, guilty)) >= 2, "the second loss")
        sign.touch()
        state = ledger.wait_for(guilty)
        assert [ledger.wait_for(job).result for job in innocent] == ["ran"] * 5
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Lost"), log.read_text()
    assert losses_of(ledger, guilty)[:2] == [None, None]
    assert losses_of(ledger, guilty).count(True) == 2
    assert all(set(losses_of(ledger, job)) <= {None} for job in innocent)
    assert len(codes) >= 4
    ledger.verify()


def test_a_job_that_wants_more_memory_than_there_is_fails_its_attempt_only(ledger: Ledger, tmp_path: Path) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", *APP) as process:
        state = ledger.wait_for(ledger.submit("eats-memory"))
        assert state.error is not None
        assert (state.error.type, state.losses) == ("MemoryError", 0)
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
        assert process.poll() is None


def test_p4_only_losses_while_alone_count_from_the_third_on(ledger: Ledger, start: Start) -> None:
    rescuer(start, max_losses=3)
    first, second = push_jobs(ledger.client, 2)
    sequence(ledger.owner)

    def lose(jobs: int) -> None:
        ready = "select count(*) from ledger.queue where run_at is null"
        until(lambda: ledger.count(ready) == 2, "both to be ready")
        worker = Worker(ledger.database.connect("worker"))
        claimed = worker.claim(jobs)
        worker.connection.close()
        for job in claimed:
            until(lambda job=job: job["attempt"] in lost_attempts(ledger, job["job_id"]), "the loss")  # type: ignore[misc]  # mypy reads job as an argument

    for _ in range(6):
        lose(2)
    for job in (first, second):
        state = ledger.state(job)
        assert (state.status, state.losses) == ("pending", 6)
        assert losses_of(ledger, job) == [None, None, False, False, False, False]
    lose(1)
    worker = Worker(ledger.database.connect("worker"))
    until(lambda: ledger.count("select count(*) from ledger.queue where run_at is null") == 2, "both to be ready")
    (again,) = worker.claim(1)
    assert again["job_id"] == first
    worker.connection.close()
    state = ledger.wait_for(first)
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Lost")
    assert state.error.message == "4 attempts were lost together with their processors"
    assert losses_of(ledger, first)[-2:] == [True, True]
    assert ledger.state(second).status == "pending"
    ledger.verify()


def lost_attempts(ledger: Ledger, job: UUID) -> set[int]:
    return {event["data"]["attempt"] for event in ledger.events(job) if event["type"] == "attempt.lost"}


def make_suspect(ledger: Ledger, *jobs: UUID) -> None:
    """As if processors had been lost with these jobs twice."""
    for _ in range(2):
        until(lambda: ledger.count("select count(*) from ledger.queue") == len(jobs), "the jobs to be ready")
        worker = Worker(ledger.database.connect("worker"), ["work"])
        claimed = worker.claim()
        lost = {"processor": str(worker.id), "noticed_by": "lock", "retry_at": "2020-01-01T00:00:00Z"}
        worker.record(*((job, "attempt.lost", lost) for job in claimed))
        worker.connection.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})


def test_a_suspect_waits_for_the_others_and_then_runs_alone(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release, running, together = threading.Event(), set[str](), list[set[str]]()

    @registry.handler("work")
    def work(params: dict[str, str]) -> None:
        running.add(params["who"])
        together.append(set(running))
        if params["who"] == "long":
            release.wait(30)
        running.remove(params["who"])

    suspects = [ledger.submit("work", {"who": f"suspect {n}"}) for n in range(3)]
    sequence(ledger.owner)
    make_suspect(ledger, *suspects)
    long = ledger.submit("work", {"who": "long"}, priority=9)
    sequence(ledger.owner)
    start(registry, threads=4, poll_interval=0.5)
    ledger.wait_for(long, "running")
    until(lambda: "long" in running, "the long one")
    others = [ledger.submit("work", {"who": f"other {n}"}) for n in range(3)]
    suspect_waits = "select count(*) from ledger.jobs where status = 'running' and losses = 2"
    until(lambda: ledger.count(suspect_waits) == 1, "one suspect to wait here")
    assert running == {"long"}
    release.set()
    for job in (long, *suspects, *others):
        assert ledger.wait_for(job).status == "completed"
    assert [seen for seen in together if len(seen) > 1 and any("suspect" in who for who in seen)] == []
    ledger.verify()


def test_a_suspect_that_cannot_run_alone_here_is_given_back_and_others_go_on(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone, "PATIENCE_S", 0.3)
    registry = Registry()
    release = threading.Event()

    @registry.handler("work")
    def work(params: dict[str, bool]) -> None:
        if params.get("long"):
            release.wait(30)

    suspect = ledger.submit("work")
    sequence(ledger.owner)
    make_suspect(ledger, suspect)
    long = ledger.submit("work", {"long": True}, priority=9)
    sequence(ledger.owner)
    start(registry, threads=4, poll_interval=0.5)
    ledger.wait_for(long, "running")
    until(lambda: "attempt.deferred" in ledger.types(suspect), "the suspect to be given back")
    assert ledger.wait_for(ledger.submit("work")).status == "completed"
    release.set()
    assert ledger.wait_for(suspect).status == "completed"
    ledger.verify()


def test_a_suspect_that_waits_can_be_cancelled(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()
    registry.handler("work")(lambda: None)
    registry.handler("long")(lambda: release.wait(30) and None)
    suspect = ledger.submit("work")
    sequence(ledger.owner)
    make_suspect(ledger, suspect)
    long = ledger.submit("long", priority=9)
    sequence(ledger.owner)
    start(registry, threads=4, poll_interval=0.5)
    ledger.wait_for(suspect, "running")
    cancel(ledger.client, suspect)
    assert ledger.wait_for(suspect).status == "cancelled"
    assert ledger.wait_for(ledger.submit("work")).status == "completed"
    release.set()
    ledger.wait_for(long)
    ledger.verify()
