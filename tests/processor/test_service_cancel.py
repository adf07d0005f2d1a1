"""Cancelling jobs, wherever they are."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from in_process import Ledger, Start
from ledger_calls import cancel
from waiting import until

from processor import JobContext, Registry


def test_a_job_that_waits_is_cancelled_and_never_starts(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("one-at-a-time")
    def one_at_a_time() -> None:
        release.wait(30)

    start(registry, threads=1)
    first = ledger.submit("one-at-a-time")
    ledger.wait_for(first, "running")
    second = ledger.submit("one-at-a-time")
    ledger.wait_for(second, "pending")
    cancel(ledger.client, second)
    assert ledger.wait_for(second).attempt == 0
    assert ledger.types(second) == ["job.requested", "job.cancel_requested", "job.cancelled"]
    release.set()
    assert ledger.wait_for(first).status == "completed"
    ledger.verify()


def test_a_running_async_handler_is_stopped(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    cleaned_up = threading.Event()

    @registry.handler("endless")
    async def endless(params: Any, job: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            assert job.cancelled
            job.log.info("cleaned up")
            cleaned_up.set()

    start(registry)
    job = ledger.submit("endless")
    ledger.wait_for(job, "running")
    cancel(ledger.client, job)
    assert ledger.wait_for(job).status == "cancelled"
    assert cleaned_up.is_set()
    assert ledger.types(job)[-2:] == ["attempt.logged", "job.cancelled"]
    assert ledger.events(job)[-1]["data"] == {"attempt": 1}
    ledger.verify()


def test_a_running_plain_handler_is_asked_and_stops_where_it_looks(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("endless")
    def endless(params: Any, job: JobContext) -> None:
        while True:
            job.raise_if_cancelled()

    start(registry)
    job = ledger.submit("endless")
    ledger.wait_for(job, "running")
    cancel(ledger.client, job)
    assert ledger.wait_for(job).status == "cancelled"
    ledger.verify()


def test_a_handler_that_finishes_before_it_is_stopped_has_finished(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("nearly-done")
    def nearly_done(params: Any, job: JobContext) -> str:
        until(lambda: job.cancelled, "the cancel to arrive")
        return "done"

    start(registry)
    job = ledger.submit("nearly-done")
    ledger.wait_for(job, "running")
    cancel(ledger.client, job)
    state = ledger.wait_for(job)
    assert (state.status, state.result) == ("completed", "done")
    ledger.verify()


def test_a_cancelled_job_is_not_tried_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("fails-late")
    async def fails_late(params: Any, job: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("cleaning up went wrong")

    start(registry)
    job = ledger.submit("fails-late")
    ledger.wait_for(job, "running")
    cancel(ledger.client, job)
    state = ledger.wait_for(job)
    assert (state.status, state.attempt) == ("cancelled", 1)
    ledger.verify()


def test_many_cancels_at_once_each_end_their_job(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("endless")
    async def endless() -> None:
        await asyncio.Event().wait()

    start(registry, concurrency=20)
    jobs = [ledger.submit("endless") for _ in range(40)]
    ledger.wait_for(jobs[19], "running")
    for job in jobs:
        cancel(ledger.client, job)
    for job in jobs:
        assert ledger.wait_for(job).status == "cancelled"
    ledger.verify()
