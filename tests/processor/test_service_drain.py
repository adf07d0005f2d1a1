"""Stopping a processor: by signal, as deployments do, and by a second signal, as impatient people do."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path

from in_process import Ledger, Start
from serving import processor
from waiting import until

from processor import Registry
from processor.executors.daemons import DEFAULT_LIMIT

APP = ("--app", "drained_jobs:jobs", "--poll", "1")


def test_sigterm_lets_running_jobs_end_and_claims_no_more(ledger: Ledger, tmp_path: Path) -> None:
    sign, log = tmp_path / "sign", tmp_path / "log"
    with processor(ledger.database.dsn_as("worker"), log, *APP) as process:
        running = ledger.submit("until-sign", {"path": str(sign)})
        ledger.wait_for(running, "running")
        process.send_signal(signal.SIGTERM)
        until(lambda: "draining: 1 jobs" in log.read_text(), "the drain to begin")
        later = ledger.submit("until-sign", {"path": str(sign)})
        ledger.wait_for(later, "pending")
        sign.touch()
        assert process.wait(20) == 0
    assert ledger.state(running).result == "saw the sign"
    assert ledger.state(later).attempt == 0
    assert ledger.count("select count(*) from ledger.events where type = 'processor.stopped'") == 1
    assert ledger.count("select count(*) from ledger.claims") == 0
    ledger.verify()


def test_what_does_not_end_in_time_is_given_back_and_costs_no_attempt(ledger: Ledger, tmp_path: Path) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", *APP, "--drain", "0.3") as process:
        jobs = [ledger.submit("endless"), ledger.submit("deaf")]
        for job in jobs:
            ledger.wait_for(job, "running")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    for job in jobs:
        state = ledger.state(job)
        assert (state.status, state.attempt, state.failures, state.losses) == ("pending", 1, 0, 0)
        assert ledger.types(job)[-1] == "attempt.deferred"
    ledger.verify()


def test_handlers_stuck_in_to_thread_keep_no_process_from_ending(ledger: Ledger, tmp_path: Path) -> None:
    """They hold every thread of the loop's default executor, and more of them wait for one."""
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", *APP, "--drain", "0.3") as process:
        jobs = [ledger.submit("stuck-in-a-thread", {"path": str(tmp_path / f"begun-{n}")}) for n in range(40)]
        for job in jobs:
            ledger.wait_for(job, "running")
        until(lambda: len(list(tmp_path.glob("begun-*"))) == DEFAULT_LIMIT, "every thread to be held")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert {ledger.types(job)[-1] for job in jobs} == {"attempt.deferred"}
    assert ledger.count("select count(*) from ledger.events where type = 'processor.stopped'") == 1
    ledger.verify()


def test_what_it_did_last_is_in_the_log_when_it_is_gone(ledger: Ledger, tmp_path: Path) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", *APP, "--drain", "0") as process:
        ledger.wait_for(ledger.submit("endless"), "running")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert ledger.count("select count(*) from ledger.events") == ledger.count("select count(*) from ledger.log")
    assert ledger.count("select count(*) from ledger.log l join ledger.events e on e.id = l.event_id "
                        "where e.type in ('attempt.deferred', 'processor.stopped')") == 2  # fmt: skip


def test_a_second_signal_ends_it_at_once_and_others_take_over(ledger: Ledger, start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with processor(ledger.database.dsn_as("worker"), log, *APP) as process:
        job = ledger.submit("blocks-the-loop")
        ledger.wait_for(job, "running")
        process.send_signal(signal.SIGTERM)
        until(lambda: "once more to stop at once" in log.read_text(), "the first signal to be heard")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 1
    registry = Registry()

    @registry.handler("blocks-the-loop")
    async def taken_over() -> str:
        return "taken over"

    start(registry)
    state = ledger.wait_for(job)
    assert (state.result, state.attempt, state.losses) == ("taken over", 2, 1)
    ledger.verify()


def test_what_was_claimed_ahead_is_given_back_before_the_drain(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("work")
    async def work(params: dict[str, bool]) -> None:
        if params.get("long"):
            await asyncio.to_thread(release.wait, 30)

    service = start(registry, concurrency=2, drain_timeout=30.0)
    quick = [ledger.submit("work") for _ in range(300)]
    for job in quick:
        ledger.wait_for(job)
    long = [ledger.submit("work", {"long": True}) for _ in range(50)]
    ledger.wait_for(long[1], "running")
    until(lambda: ledger.count("select count(*) from ledger.jobs where status = 'running'") > 2, "jobs claimed ahead")
    stopping = threading.Thread(target=service.stop)
    stopping.start()
    until(lambda: ledger.count("select count(*) from ledger.jobs where status = 'running'") == 2, "the others")
    assert not service.ended
    release.set()
    stopping.join()
    deferred = ledger.count("select count(*) from ledger.events where type = 'attempt.deferred'")
    assert deferred > 0
    assert [ledger.state(job).status for job in long[:2]] == ["completed", "completed"]
    assert ledger.count("select count(*) from ledger.queue") == 48
    ledger.verify()
