"""``verify``: what it finds that no statement of ours would leave."""

from __future__ import annotations

from uuid import UUID

import pytest
from databases import Database
from ledger_calls import Worker, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.errors import VerificationFailed
from ledger.postgres.feed import verify

AFTER_THE_LAST = UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
BEFORE_THE_FIRST = UUID("00000000-0000-7000-8000-000000000000")


def add_row(owner: Connection[DictRow], job_id: UUID) -> None:
    """A job without events, and its count."""
    owner.execute(
        """
        insert into ledger.jobs (job_id, seq, requested_at, priority, status, owner, namespace, name, finished_at)
        values (%(job_id)s, 1, now(), 0, 'completed', 'app_alice', 'default', 'noop', now())""",
        {"job_id": job_id},
    )
    owner.execute(
        "insert into ledger.tally (namespace, name, standing, jobs) values ('default', 'noop', 'completed', 1)"
    )


@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_a_job_without_events_is_found_wherever_it_stands(database: Database, where: str) -> None:
    owner = database.connect()
    first, *_ = push_jobs(database.connect("app_alice"), 2)
    sequence(owner)
    verify(owner)
    job_id = {"before": BEFORE_THE_FIRST, "between": UUID(int=first.int + 1), "after": AFTER_THE_LAST}[where]
    add_row(owner, job_id)
    with pytest.raises(VerificationFailed, match=f"^1 differences .*: job {job_id}: a row without events$"):
        verify(owner)


def test_a_running_job_without_a_claim_is_found(database: Database) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    Worker(database.connect("worker")).claim()
    sequence(owner)
    verify(owner)
    owner.execute("delete from ledger.claims")
    with pytest.raises(VerificationFailed, match="stands in a claim"):
        verify(owner)
