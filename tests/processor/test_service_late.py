"""Handlers that go on after their time."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from in_process import Ledger, RunningService, Start
from ledger_calls import cancel
from serving import processor
from waiting import until

from jobledger.admin.doctor import examine_server
from jobledger.admin.stats import read_stats
from processor import JobContext, Registry
from processor.settings import Settings
from processor.work import timeouts
from processor.work.reports import STOPPING
from processor.work.worker import StuckHandlers


def is_stopping(ledger: Ledger, job: Any) -> bool:
    """What its owner is shown."""
    progress = ledger.state(job).progress
    return progress is not None and progress.message == STOPPING


def test_p5_an_attempt_that_timed_out_waits_for_its_function_and_no_other_runs_beside_it(
    ledger: Ledger, start: Start
) -> None:
    registry = Registry()
    release, running = threading.Event(), list[int]()

    @registry.handler("slow", timeout=0.1, max_attempts=2)
    def slow(params: Any, job: JobContext) -> str:
        running.append(job.attempt)
        job.progress(40, "writing")
        if job.attempt == 1:
            release.wait(30)
            job.progress(100, "written")
        running.remove(job.attempt)
        return f"by attempt {job.attempt}"

    start(registry, threads=4)
    job = ledger.submit("slow")
    until(lambda: is_stopping(ledger, job), "the attempt to be shown as stopping")
    state = ledger.state(job)
    assert (state.status, state.attempt) == ("running", 1)
    assert state.progress is not None
    assert state.progress.percent == 40
    findings = [finding for finding in examine_server(ledger.owner) if finding.check == "timeouts"]
    assert [(finding.level, str(job) in finding.message) for finding in findings] == [("warn", True)]
    [stopping] = read_stats(ledger.owner)["stopping"]
    assert (stopping["attempts"], stopping["job_id"]) == (1, str(job))
    assert running == [1]
    release.set()
    assert ledger.wait_for(job).result == "by attempt 2"
    until(lambda: "attempt.superseded" in ledger.types(job), "the late result to be kept")
    events = {event["type"]: event["data"] for event in ledger.events(job)}
    assert events["attempt.superseded"]["late"]["data"] == {"attempt": 1, "result": "by attempt 1"}
    assert events["attempt.failed"]["error"]["type"] == "Timeout"
    assert events["attempt.failed"]["error"]["message"].startswith("attempt 1 had 0.1 s, and returned after ")
    types = ledger.types(job)
    assert types.index("attempt.failed") < len(types) - 1 - types[::-1].index("attempt.started")
    assert [f.level for f in examine_server(ledger.owner) if f.check == "timeouts"] == ["ok"]
    assert read_stats(ledger.owner)["stopping"] == []
    ledger.verify()


def test_a_late_error_is_a_timeout(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("raises", timeout=0.05, max_attempts=1)
    def raises() -> None:
        release.wait(30)
        raise ValueError

    start(registry)
    job = ledger.submit("raises")
    until(lambda: is_stopping(ledger, job), "the attempt to be shown as stopping")
    release.set()
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Timeout")
    assert "attempt.superseded" not in ledger.types(job)
    ledger.verify()


def test_a_job_that_is_cancelled_while_it_is_stopping_ends_as_cancelled(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()
    registry.handler("slow", timeout=0.05)(lambda: release.wait(30) and "late")
    start(registry)
    job = ledger.submit("slow")
    until(lambda: is_stopping(ledger, job), "the attempt to be shown as stopping")
    cancel(ledger.client, job)
    until(lambda: (ledger.row(job) or {}).get("cancel_requested_at"), "the cancel")
    release.set()
    assert ledger.wait_for(job).status == "cancelled"
    ledger.verify()


def test_an_async_handler_that_ignores_its_time_is_waited_for_too(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "STOP_GRACE_S", 0.1)
    registry = Registry()
    release = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    @registry.handler("deaf", timeout=0.05, max_attempts=1)
    async def deaf() -> str:
        loops.append(asyncio.get_running_loop())
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return "late"

    start(registry)
    job = ledger.submit("deaf")
    until(lambda: is_stopping(ledger, job), "the attempt to be shown as stopping")
    loops[0].call_soon_threadsafe(release.set)
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Timeout")
    until(lambda: "attempt.superseded" in ledger.types(job), "the late result to be kept")
    ledger.verify()


def test_a_drain_records_what_timed_out_as_timed_out(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()
    registry.handler("slow", timeout=0.05, max_attempts=5)(lambda: release.wait(30) and None)
    service = start(registry, drain_timeout=0.0)
    job = ledger.submit("slow")
    until(lambda: is_stopping(ledger, job), "the attempt to be shown as stopping")
    service.stop()
    state = ledger.state(job)
    assert (state.status, state.failures) == ("pending", 1)
    release.set()
    ledger.verify()


@pytest.mark.parametrize("on_timeout", ["wait", "abandon"])
def test_a_processor_whose_places_are_all_held_by_late_handlers_drains_and_fails(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, on_timeout: Any
) -> None:
    monkeypatch.setattr(timeouts, "STOP_GRACE_S", 0.2)
    registry = Registry()
    release = threading.Event()

    @registry.handler("stuck", timeout=0.05, max_attempts=5, on_timeout=on_timeout)
    def stuck() -> None:
        release.wait(30)

    settings = Settings(threads=2, drain_timeout=1.0)
    service = RunningService(ledger.database.dsn_as("worker"), registry, settings)
    jobs = [ledger.submit("stuck") for _ in range(2)]
    until(lambda: service.ended, "the processor to end by itself")
    with pytest.raises(StuckHandlers, match="every place is held"):
        service.stop()
    for job in jobs:
        state = ledger.state(job)
        assert (state.status, state.failures, state.losses) == ("pending", 1, 0)
        assert state.progress is None or state.progress.message == STOPPING
    release.set()
    ledger.verify()


def test_one_late_handler_among_free_places_ends_no_processor(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "STOP_GRACE_S", 0.05)
    registry = Registry()
    release = threading.Event()
    registry.handler("slow", timeout=0.05, max_attempts=1)(lambda: release.wait(30) and None)
    registry.handler("noop")(lambda: None)
    service = start(registry, threads=2)
    slow = ledger.submit("slow")
    until(lambda: is_stopping(ledger, slow), "the attempt to be shown as stopping")
    for _ in range(20):
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
    assert not service.ended
    release.set()
    assert ledger.wait_for(slow).status == "failed"
    two = [ledger.submit("slow") for _ in range(2)]
    assert [ledger.wait_for(job).status for job in two] == ["completed"] * 2
    ledger.verify()


def test_serve_ends_with_an_error_when_late_handlers_hold_every_place(ledger: Ledger, tmp_path: Path) -> None:
    log = tmp_path / "log"
    options = ("--app", "hostile_jobs:jobs", "--threads", "1", "--drain", "0")
    with processor(ledger.database.dsn_as("worker"), log, *options) as process:
        job = ledger.submit("never-returns")
        assert process.wait(30) == 1
    assert "every place is held by a handler that ran out of time" in log.read_text()
    assert ledger.state(job).failures == 1
