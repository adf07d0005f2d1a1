"""Events in the file are facts: added once, confirmed once by the server, and otherwise left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from client_sync import JobClient, inbox
from client_sync.plan import BeginLife, Position, StorePage
from client_sync.replica import Replica
from ledger.ids import new_id


@pytest.fixture
def event(plain: sqlite3.Connection, jobs: JobClient) -> tuple[str, ...]:
    jobs.submit("first")
    jobs.submit("second")
    row: tuple[str, ...] = plain.execute("select * from events where local_seq = 1").fetchone()
    return row


@pytest.mark.parametrize(
    "statement",
    [
        "delete from events",
        "update events set data = '{}'",
        "update events set type = 'job.cancel_requested'",
        "update events set occurred_at = '2020-01-01T00:00:00Z'",
        "update events set id = '01970000-0000-7000-8000-000000000001'",
        "update events set job_id = '01970000-0000-7000-8000-000000000001'",
        "update events set local_seq = 9",
        "update or replace events set local_seq = 1 where local_seq = 2",
        "update or replace events set rowid = 1 where rowid = 2",
        "update events set owner = 'somebody'",
        "update events set seq = 1, life = 0, owner = 'a', actor = 'a', recorded_at = occurred_at",
        "insert or replace into events select * from events",
        "insert or ignore into events select * from events",
        "insert or replace into events (rowid, type, data) values (1, 'job.requested', '{\"name\": \"a\"}')",
        "insert or replace into events (local_seq, type, data) values (1, 'job.requested', '{\"name\": \"a\"}')",
        'replace into events (id, type, data) select id, type, \'{"name": "other"}\' from events',
        "insert into events (id, type, data) select id, type, data from events where true"
        " on conflict do update set data = '{}'",
        "delete from replica",
        "insert into replica (replica_id) values ('another')",
        "delete from replica_history",
        "update replica_history set what = 'nothing'",
    ],
)
def test_p7_what_is_there_stays(plain: sqlite3.Connection, event: tuple[str, ...], statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(statement)
    assert plain.execute("select * from events where local_seq = 1").fetchone() == event
    assert plain.execute("select count(*) from events").fetchone() == (2,)


def test_the_owner_of_a_file_is_learned_once(plain: sqlite3.Connection) -> None:
    plain.execute("update replica set owner = 'alice'")
    plain.execute("update replica set owner = 'alice'")
    with pytest.raises(sqlite3.IntegrityError, match="belongs to another owner"):
        plain.execute("update replica set owner = 'bob'")


@pytest.mark.parametrize(
    "change",
    [
        "seq = 2",
        "recorded_at = '2020-01-01T00:00:00Z', seq = 2",
        "owner = 'somebody', seq = 2",
        "seq = null, life = null",
        "life = 2",
        "seq = 9, life = 2",
    ],
)
def test_p7_what_the_server_has_confirmed_stays(path: Path, plain: sqlite3.Connection, change: str) -> None:
    with closing(Replica(path)) as replica:
        inbox.begin_life(replica, Position(new_id()), BeginLife(new_id()))
        told = {
            "id": str(new_id()), "job_id": str(new_id()), "type": "job.requested", "v": 1, "owner": "alice",
            "actor": "alice", "seq": 1, "occurred_at": "2026-01-01T00:00:00Z", "recorded_at": "2026-01-01T00:00:00Z",
            "replica_id": None, "replica_seq": None, "correlation_id": None, "causation_id": None,
            "data": '{"name": "a"}',
        }  # fmt: skip
        inbox.store_page(replica, [told], StorePage(5, new_id(), more=False))
    before = plain.execute("select * from events").fetchall()
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(f"update events set {change}")  # noqa: S608 - the table above
    assert plain.execute("select * from events").fetchall() == before
