"""Time: limits of attempts, and jobs for later."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from in_process import Ledger, Start
from waiting import until

from processor import JobCancelled, JobContext, Registry

NEVER = 3600.0
"""A poll that no test waits for."""


def test_an_async_handler_that_takes_too_long_is_stopped_and_tried_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    stopped: list[int] = []

    @registry.handler("slow", timeout=0.1, max_attempts=2)
    async def slow(params: Any, job: JobContext) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(job.attempt)

    start(registry)
    state = ledger.wait_for(ledger.submit("slow"))
    assert (state.status, state.failures) == ("failed", 2)
    assert stopped == [1, 2]
    assert state.error is not None
    assert (state.error.type, state.error.message, state.error.retryable) == (
        "Timeout",
        "attempt 2 had 0.1 s",
        True,
    )
    ledger.verify()


def test_a_plain_handler_that_takes_too_long_is_asked_to_stop_and_tried_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    notified = threading.Event()

    @registry.handler("slow", timeout=0.1, max_attempts=1)
    def slow(params: Any, job: JobContext) -> None:
        while True:
            try:
                job.raise_if_cancelled()
            except JobCancelled:
                notified.set()
                raise

    start(registry)
    job = ledger.submit("slow")
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Timeout")
    assert notified.wait(10)
    assert ledger.types(job)[-2:] == ["attempt.failed", "job.failed"]
    ledger.verify()


def test_p5_what_an_abandoned_handler_returns_changes_nothing_and_is_kept(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("slow", timeout=0.1, max_attempts=2, on_timeout="abandon")
    def slow(params: Any, job: JobContext) -> str:
        if job.attempt == 1:
            release.wait(30)
        return f"by attempt {job.attempt}"

    start(registry)
    job = ledger.submit("slow")
    assert ledger.wait_for(job).result == "by attempt 2"
    release.set()
    until(lambda: "attempt.superseded" in ledger.types(job), "the late result to be kept")
    [evidence] = [event["data"] for event in ledger.events(job) if event["type"] == "attempt.superseded"]
    assert evidence["late"] == {"type": "job.completed", "data": {"attempt": 1, "result": "by attempt 1"}}
    assert ledger.state(job).result == "by attempt 2"
    ledger.verify()


def test_a_thread_is_free_again_only_when_its_function_has_returned(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()
    running: list[int] = []

    @registry.handler("stuck", timeout=0.05, max_attempts=1, on_timeout="abandon")
    def stuck(params: dict[str, int], job: JobContext) -> None:
        running.append(params["n"])
        release.wait(30)

    start(registry, threads=2)
    jobs = [ledger.submit("stuck", {"n": n}) for n in range(3)]
    for job in jobs[:2]:
        assert ledger.wait_for(job).status == "failed"
    assert sorted(running) == [0, 1]
    release.set()
    assert ledger.wait_for(jobs[2]).attempt == 1
    ledger.verify()


def test_the_job_decides_how_long_it_may_take(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("slow", timeout=60, max_attempts=1)
    async def slow() -> None:
        await asyncio.sleep(60)

    start(registry)
    state = ledger.wait_for(ledger.submit("slow", limits={"timeout": 0.1}))
    assert state.error is not None
    assert state.error.type == "Timeout"
    ledger.verify()


def test_a_handler_that_finishes_in_spite_of_being_stopped_has_finished(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("stubborn", timeout=0.1)
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "saved what there was"
        return "slept"

    start(registry)
    state = ledger.wait_for(ledger.submit("stubborn"))
    assert (state.status, state.result) == ("completed", "saved what there was")
    ledger.verify()


def test_a_job_for_later_starts_when_it_is_due_and_not_before(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("later")(lambda: None)
    start(registry, poll_interval=NEVER)
    due = datetime.now(UTC) + timedelta(seconds=0.7)
    job = ledger.submit("later", run_at=due)
    state = ledger.wait_for(job)
    assert state.started_at is not None
    assert state.started_at >= due
    ledger.verify()


def test_a_job_that_nobody_started_in_time_expires(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("other")(lambda: None)
    start(registry, poll_interval=NEVER)
    expires = datetime.now(UTC) + timedelta(seconds=1)
    job = ledger.submit("nobody-serves-this", limits={"expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.attempt, state.error.type) == ("failed", 0, "Expired")
    ledger.verify()
