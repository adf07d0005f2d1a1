"""A processor at rest claims what arrives together with the pass that puts it in order."""

from __future__ import annotations

import pytest
from in_process import Ledger, Start
from waiting import until

from processor import Registry

CLAIMED_IN_ITS_PASS = """
    select (select l.xmin::text from ledger.log l join ledger.events e on e.id = l.event_id
            where e.job_id = %(job)s and e.type = 'job.requested')
         = (select e.txid::text from ledger.events e where e.job_id = %(job)s and e.type = 'attempt.started')
"""
BLOCKED_PASS = """
    select coalesce(min(a.pid), 0) from pg_stat_activity a
    where a.application_name = 'jobledger leader' and a.wait_event_type = 'Lock' and a.datname = current_database()
"""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.handler("async")
    async def async_one() -> None: ...

    @registry.handler("plain")
    def plain_one() -> None: ...

    return registry


def test_a_job_is_claimed_in_the_transaction_that_gives_its_number(
    ledger: Ledger, start: Start, registry: Registry
) -> None:
    start(registry, poll_interval=60)
    ledger.wait_for(ledger.submit("async"))

    def claimed_in_its_pass(name: str) -> bool:
        job = ledger.submit(name)
        ledger.wait_for(job)
        return bool(ledger.count(CLAIMED_IN_ITS_PASS, job=job))

    until(lambda: claimed_in_its_pass("async"), "a job to come while the claimer was at rest")
    ledger.verify()


def test_a_pass_whose_connection_breaks_leaves_the_job_to_be_claimed(
    ledger: Ledger, start: Start, registry: Registry
) -> None:
    start(registry, poll_interval=60)
    ledger.wait_for(ledger.submit("async"))
    blocker = ledger.database.connect()
    with blocker.transaction():
        blocker.execute("lock table ledger.claims in exclusive mode")
        job = ledger.submit("async")
        until(lambda: ledger.count(BLOCKED_PASS) > 0, "the pass to wait in its claim")
        ledger.count("select pg_terminate_backend(%(pid)s)::integer", pid=ledger.count(BLOCKED_PASS))
        until(lambda: ledger.count(BLOCKED_PASS) == 0, "the connection to break")
    assert ledger.wait_for(job).attempt == 1
    ledger.verify()


def test_more_work_than_one_claim_takes_is_claimed_without_a_poll(
    ledger: Ledger, start: Start, registry: Registry
) -> None:
    """All of it is announced once, in one pass; who was granted as much as he asked for asks again."""
    with ledger.client.transaction():
        jobs = [ledger.submit("async") for _ in range(30)]
    start(registry, poll_interval=3600, batch=4, concurrency=2)
    for job in jobs:
        ledger.wait_for(job)
    ledger.verify()
