"""What ``stats`` counts: kept as a tally by those who move jobs, and never by reading all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from databases import Database
from doors import Draft, Worker, assert_projection_is_fold, cancel, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.ids import new_id
from processor.stats import read_stats


def counted(connection: Connection[DictRow]) -> dict[str, int]:
    stats = read_stats(connection)
    return {what: jobs for what, jobs in {**stats["jobs"], "scheduled": stats["scheduled"]}.items() if jobs}


def test_every_way_of_a_job_is_counted(database: Database) -> None:
    alice, owner, worker = database.connect("app_alice"), database.connect(), Worker(database.connect("worker"))
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    soon = (datetime.now(UTC) + timedelta(milliseconds=300)).isoformat()
    ready, (waiting, dropped), (due,) = (
        push_jobs(alice, 5),
        push_jobs(alice, 2, run_at=later),
        push_jobs(alice, 1, run_at=soon),
    )
    (expiring,) = push_jobs(alice, 1, run_at=later, limits={"expires_at": soon})
    sequence(owner)
    assert counted(owner) == {"pending": 9, "scheduled": 4}

    cancel(alice, dropped)
    cancel(alice, ready[4])
    cancel(alice, job := new_id())
    push(alice, new_id(), 0, [Draft(job_id=str(job))])
    sequence(owner)
    assert counted(owner) == {"pending": 7, "scheduled": 3, "cancelled": 3}, "one was cancelled before it came"

    done, failed, again, deferred = worker.claim(4)
    assert counted(owner) == {"pending": 3, "scheduled": 3, "running": 4, "cancelled": 3}
    error = {"type": "E", "message": "m", "retryable": True}
    worker.record(
        (done, "job.completed", {"result": None}),
        (failed, "attempt.failed", {"error": error, "retry_at": None}),
        (failed, "job.failed", {"attempts": 1, "error": error}),
        (again, "attempt.failed", {"error": error, "retry_at": later}),
        (deferred, "attempt.deferred", {"until": datetime.now(UTC).isoformat()}),
    )
    assert counted(owner) == {"pending": 5, "scheduled": 4, "completed": 1, "failed": 1, "cancelled": 3}

    owner.execute("select pg_sleep_until(%(soon)s::timestamptz)", {"soon": soon})
    sequence(owner)
    assert counted(owner) == {"pending": 4, "scheduled": 2, "completed": 1, "failed": 2, "cancelled": 3}
    assert {job["job_id"] for job in worker.claim()} == {deferred["job_id"], due}
    assert expiring != waiting
    assert_projection_is_fold(owner)


def test_the_rows_of_the_tally_are_summed_up_now_and_then(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    for _ in range(3):
        push_jobs(alice, 5_000)
        sequence(owner, limit=1_000)
    rows = owner.execute("select jobs from ledger.tally").fetchall()
    assert sum(row["jobs"] for row in rows) == 15_000
    assert len(rows) <= 6, "one for what was summed up at number 10,000, and one for each pass since"


def test_the_oldest_job_that_may_start_is_found_among_all_priorities(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    for priority in (0, 5, -5):
        push_jobs(alice, 2, priority=priority)
    sequence(owner)
    with owner.transaction(force_rollback=True):
        owner.execute("alter table ledger.events disable trigger events_are_append_only")
        owner.execute(
            """
            update ledger.events e set recorded_at = now() - interval '1 hour'
            where e.job_id = (select q.job_id from ledger.queue q where q.priority = 0 order by q.seq limit 1)"""
        )
        [handler] = read_stats(owner)["handlers"]
    assert handler["oldest_ready_s"] == 3600
