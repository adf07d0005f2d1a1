"""Within one transaction events go by owner, then by position, replica_seq and id: each owner's stand together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from databases import Database
from ledger_calls import Draft, Worker, assert_projection_is_fold, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.model.ids import new_id, uuid7
from ledger.postgres.feed import read_log

POSITIONS = "select e.position from ledger.log l join ledger.events e on e.id = l.event_id order by l.seq"
NOW = datetime.now(UTC)


def positions(owner: Connection[DictRow]) -> list[int]:
    return [row["position"] for row in owner.execute(POSITIONS.encode()).fetchall()]


def insert(owner: Connection[DictRow], rows: list[tuple[str, int | None, int]]) -> None:
    """Events as version 1 wrote them, without a position: (owner, replica_seq, id)."""
    replica = new_id()
    for whose, replica_seq, number in rows:
        owner.execute(
            """insert into ledger.events
                   (id, type, v, owner, actor, replica_id, replica_seq, occurred_at, recorded_at, life, data)
               values (%(id)s, 'weather.changed', 1, %(owner)s, 'x', %(replica)s, %(seq)s, now(), now(),
                       ledger.current_epoch(), '{}')""",
            {"id": uuid7(1, number), "owner": whose, "replica": replica_seq and replica, "seq": replica_seq},
        )


def test_without_positions_the_order_is_owner_replica_seq_and_id(database: Database) -> None:
    owner = database.connect()
    sequence(owner)
    wanted = [("B", 1, 9), ("B", 2, 3), ("B", None, 2), ("a", 3, 8), ("a", None, 1), ("a", None, 4)]
    with owner.transaction():
        insert(owner, wanted[::-2] + wanted[::2])
    sequence(owner)
    found = [(row["owner"], row["replica_seq"], row["id"].int & 0xFF) for row in read_log(owner)]
    assert found == wanted


def test_the_events_of_an_owner_stand_together(database: Database) -> None:
    """A claim and a record of jobs of several owners are each one transaction; each has a segment of the log."""
    alice, bob, owner = database.connect("app_alice"), database.connect("app_bob"), database.connect()
    for client in (alice, bob, alice, bob):
        push_jobs(client, 3)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    taken = worker.claim()
    worker.record(*((job, "attempt.logged", {"first": 1, "lines": ["x"]}) for job in taken))
    worker.record(*((job, "job.completed", {"result": 1}) for job in taken))
    sequence(owner)
    of_jobs = [row for row in read_log(owner) if row["type"].startswith(("attempt", "job.completed"))]
    for _, events in groupby(of_jobs, key=lambda row: row["type"]):
        segments = [whose for whose, _ in groupby(events, key=lambda row: row["owner"])]
        assert segments == ["app_alice", "app_bob"]
    assert_projection_is_fold(owner)


def test_what_a_session_submits_in_one_transaction_keeps_its_order(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    with alice.transaction():
        jobs = []
        for n in range(30):
            row = alice.execute("select ledger.submit('noop', priority => %(n)s) as job", {"n": n}).fetchone()
            assert row is not None
            jobs.append(row["job"])
    sequence(owner)
    assert [row["job_id"] for row in read_log(owner)] == jobs
    assert positions(owner) == list(range(30))


@pytest.mark.parametrize("setting", ["x", "-1", "99999999999999", "7"])
def test_p15_a_setting_by_hand_neither_fails_nor_loses_anything(database: Database, setting: str) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    alice.execute("select set_config('ledger.positions_taken', %(setting)s, false)", {"setting": setting})
    push_jobs(alice, 3)
    push(alice, new_id(), 0, [Draft()])
    assert sequence(owner) == 4
    assert len(positions(owner)) == 4
    assert_projection_is_fold(owner)


def test_every_event_that_is_written_now_has_a_position(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    worker = Worker(database.connect("worker"))
    done, late, expiring = push_jobs(alice, 3)
    push(alice, new_id(), 0, [Draft("job.cancel_requested", "{}", str(expiring))])
    owner.execute("select ledger.delegate('app_alice', 'bob', true)")
    sequence(owner)
    first, second = worker.claim()
    worker.record((first, "job.completed", {}), (second, "attempt.failed", {"error": {"type": "E"}, "retry_at": None}))
    worker.record((first, "attempt.logged", {"first": 1, "lines": []}))
    owner.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})
    sequence(owner)
    kinds = {row["type"] for row in read_log(owner)}
    assert {"job.cancelled", "attempt.superseded", "delegation.granted", "processor.started"} <= kinds
    assert None not in positions(owner)
    assert {first["job_id"], second["job_id"]} == {done, late}


def test_a_waiting_job_says_why_and_one_that_may_start_goes_by_rank(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    soon = (NOW + timedelta(hours=1)).isoformat()
    (due,) = push_jobs(alice, 1, run_at=soon)
    retrying, deferred = push_jobs(alice, 2)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    first, second = sorted(worker.claim(), key=lambda job: [retrying, deferred].index(job["job_id"]))
    worker.record((first, "attempt.failed", {"error": {"type": "E"}, "retry_at": soon}))
    worker.record((second, "attempt.deferred", {"until": soon}))
    ready = push_jobs(alice, 3)
    sequence(owner)
    rows = owner.execute("select job_id, reason from ledger.queue where run_at is not null").fetchall()
    assert {row["job_id"]: row["reason"] for row in rows} == {due: "due", retrying: "retrying", deferred: "due"}
    owner.execute("update ledger.queue set rank = -rank where run_at is null")
    assert [job["job_id"] for job in worker.claim()] == ready[::-1]
    owner.execute("update ledger.queue set run_at = now() - interval '1 second'")
    sequence(owner)
    rows = owner.execute("select reason, rank = seq as ranked from ledger.queue where run_at is null").fetchall()
    assert [(row["reason"], row["ranked"]) for row in rows] == [(None, True)] * 3


def test_a_job_row_says_where_it_belongs(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    parent, origin, correlation = new_id(), new_id(), new_id()
    data = f'{{"name": "x", "parent": "{parent}", "retry_of": "{origin}", "labels": {{"a": [1.50, null]}}}}'
    given, empty = Draft(data=data, correlation_id=str(correlation)), Draft(data='{"name": "x", "labels": {}}')
    push(alice, new_id(), 0, [given, empty])
    sequence(owner)
    query = "select parent, retry_of, correlation_id, labels from ledger.jobs where job_id = %(id)s"
    assert owner.execute(query, {"id": given.job_id}).fetchone() == {
        "parent": parent, "retry_of": origin, "correlation_id": correlation, "labels": {"a": [1.5, None]},
    }  # fmt: skip
    assert owner.execute(query, {"id": empty.job_id}).fetchone() == dict.fromkeys(
        ["parent", "retry_of", "correlation_id", "labels"]
    )
    assert_projection_is_fold(owner)
