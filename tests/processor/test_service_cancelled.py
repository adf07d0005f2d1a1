"""Statements that are cancelled from outside: pg_cancel_backend, statement_timeout, a role's lock_timeout."""

from __future__ import annotations

import asyncio
import threading

import pytest
from in_process import Ledger, Start
from waiting import until

from processor import JobContext, Registry

ENDED = "select count(*) from ledger.jobs where status in ('completed', 'failed', 'cancelled')"
CANCEL = """
    select count(pg_cancel_backend(a.pid)) from pg_stat_activity a
    where a.datname = current_database() and a.state = 'active' and a.application_name = any (%(names)s)
"""
CANCEL_BLOCKED = f"{CANCEL} and a.wait_event_type = 'Lock'"
ROLES = ["jobledger leader", "jobledger listener", "jobledger claimer", "jobledger recorder", "jobledger liveness"]


@pytest.mark.parametrize(
    ("role", "lock"),
    [
        ("jobledger leader", "lock table ledger.sequencer in exclusive mode"),
        ("jobledger claimer", "lock table ledger.claims in exclusive mode"),
        ("jobledger recorder", "lock table ledger.tally in exclusive mode"),
        ("jobledger liveness", "lock table ledger.processors in exclusive mode"),
    ],
)
def test_p4_a_cancelled_statement_is_sent_again_and_ends_no_processor(
    ledger: Ledger, start: Start, role: str, lock: str
) -> None:
    registry = Registry()
    go_on = threading.Event()

    @registry.handler("work")
    def work() -> str:
        go_on.wait(30)
        return "done"

    service = start(registry, poll_interval=0.5, threads=1)
    first, second = ledger.submit("work"), ledger.submit("work")
    ledger.wait_for(first, "running")
    blocker = ledger.database.connect()
    with blocker.transaction():
        blocker.execute(lock.encode())
        go_on.set()
        ledger.submit("work")
        for _ in range(3):
            until(lambda: ledger.count(CANCEL_BLOCKED, names=[role]) > 0, "the statement to wait, and to be cancelled")
        assert not service.ended
    for job in (first, second):
        assert ledger.wait_for(job).attempt == 1
    ledger.verify()


def test_p6_with_statements_cancelled_all_the_time_each_job_has_one_end(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("work")
    async def work(params: dict[str, int], job: JobContext) -> int:
        job.progress(50)
        await asyncio.sleep(0.01)
        return params["n"]

    jobs = [ledger.submit("work", {"n": n}) for n in range(200)]
    start(registry, concurrency=5, batch=10, poll_interval=1)
    cancelled = in_vain = log = 0

    def ended() -> bool:
        """Cancel again, but after three times wait until the log goes on: a slow machine needs longer than a look."""
        nonlocal cancelled, in_vain, log
        before, log = log, ledger.count("select count(*) from ledger.log")
        in_vain = in_vain if log == before else 0
        if in_vain < 3 and (hit := ledger.count(CANCEL, names=ROLES)):
            cancelled, in_vain = cancelled + hit, in_vain + 1
        return ledger.count(ENDED) == len(jobs)

    until(ended, "all jobs to end")
    assert cancelled > 0
    for n, job in enumerate(jobs):
        state = ledger.state(job)
        assert (state.status, state.result) == ("completed", n)
    assert ledger.count("select count(*) from ledger.events where type = 'job.completed'") == len(jobs)
    ledger.verify()
