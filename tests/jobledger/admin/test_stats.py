"""What ``stats`` counts: kept as a tally by those who move jobs, and never by reading all of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from databases import Database
from ledger_calls import Draft, Worker, assert_projection_is_fold, cancel, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from jobledger.admin.stats import read_stats
from ledger.model.ids import new_id
from ledger.model.protocol import Accepted


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


def read_rows(connection: Connection[DictRow], query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in connection.execute(query.encode()).fetchall()]


def counts(connection: Connection[DictRow]) -> list[tuple[object, ...]]:
    return read_rows(connection, "select * from ledger.counts")


def tally(connection: Connection[DictRow]) -> list[tuple[object, ...]]:
    return read_rows(connection, "select * from ledger.tally")


def changed_rows(connection: Connection[DictRow]) -> int:
    """How many rows of the counts were added, changed or taken away so far."""
    connection.execute("select pg_stat_force_next_flush()")
    query = """
        select n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables where relid = 'ledger.counts'::regclass"""
    [(changed,)] = read_rows(connection, query)
    assert isinstance(changed, int)
    return changed


def many_names(alice: Connection[DictRow], count: int, first: int = 0) -> list[UUID]:
    """Request one job each of so many names."""
    drafts = [Draft(data=json.dumps({"name": f"name {n:06}"})) for n in range(first, first + count)]
    assert isinstance(push(alice, new_id(), 0, drafts), Accepted)
    return [UUID(draft.job_id) for draft in drafts]


def test_many_small_pushes_leave_few_rows_of_counts(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    for _ in range(19):
        push_jobs(alice, 500)
        sequence(owner)
    assert tally(owner) == [("default", "noop", "ready", 500)] * 19
    for _ in range(3):
        push_jobs(alice, 500)
        sequence(owner)
    assert counts(owner) == [("default", "noop", "ready", 10_000)], "summed up at number 10,000"
    assert tally(owner) == [("default", "noop", "ready", 500)] * 2, "one for each pass since"
    assert counted(owner) == {"pending": 11_000}


def test_summing_up_costs_what_has_changed_and_not_what_there_is(database: Database) -> None:
    alice, owner, worker = database.connect("app_alice"), database.connect(), Worker(database.connect("worker"))
    many_names(alice, 3_000)
    sequence(owner)
    owner.execute("select ledger.sum_counts()")
    assert len(counts(owner)) == 3_000
    before = changed_rows(owner)

    push_jobs(alice, 3)
    sequence(owner)
    worker.claim(2)
    owner.execute("select ledger.sum_counts()")
    assert changed_rows(owner) == before + 2, "one that is ready, and two that run"
    assert tally(owner) == []
    assert counted(owner) == {"pending": 3_001, "running": 2}
    assert_projection_is_fold(owner)


@pytest.mark.long
def test_two_hundred_thousand_names_cost_the_next_summing_nothing(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    for first in range(0, 200_000, 5_000):
        many_names(alice, 5_000, first=first)
    sequence(owner)
    owner.execute("select ledger.sum_counts()")
    before = changed_rows(owner)
    for _ in range(20):
        push_jobs(alice, 500)
        sequence(owner)
    assert changed_rows(owner) - before <= 2
    stats = read_stats(owner, most=20)
    assert (len(stats["handlers"]), stats["more_handlers"], stats["ready"]) == (20, 199_981, 210_000)
    assert_projection_is_fold(owner)


def test_where_no_job_stands_no_row_stays(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    jobs = many_names(alice, 50)
    sequence(owner)
    owner.execute("select ledger.sum_counts()")
    push(alice, new_id(), 0, [Draft("job.cancel_requested", "{}", str(job)) for job in jobs[:49]])
    many_names(alice, 1, first=50)
    sequence(owner)
    cancel(alice, jobs[49])
    sequence(owner)
    owner.execute("select ledger.sum_counts()")
    assert {row[2] for row in counts(owner) if row[1] != "name 000050"} == {"cancelled"}
    assert counted(owner) == {"pending": 1, "cancelled": 50}
    assert [row["name"] for row in read_stats(owner)["handlers"]] == ["name 000050"]
    assert_projection_is_fold(owner)


def test_of_many_names_those_with_the_most_open_jobs_are_read_and_the_totals_are_of_all(database: Database) -> None:
    alice, owner, worker = database.connect("app_alice"), database.connect(), Worker(database.connect("worker"))
    many_names(alice, 30)
    many_names(alice, 2, first=28)
    push_jobs(alice, 5)
    sequence(owner)
    worker.claim(4)
    stats = read_stats(owner, most=3)
    found = [(row["name"], row["ready"], row["scheduled"], row["running"]) for row in stats["handlers"]]
    assert found == [("noop", 1, 0, 4), ("name 000028", 2, 0, 0), ("name 000029", 2, 0, 0)]
    assert stats["more_handlers"] == 28
    assert (stats["jobs"]["pending"], stats["jobs"]["running"], stats["ready"]) == (33, 4, 33)
    everything = read_stats(owner)
    assert len(everything["handlers"]) == 31
    assert everything["more_handlers"] == 0


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
