"""Events in the file are facts: added once, confirmed once by the server, and otherwise left alone."""

from __future__ import annotations

import sqlite3

import pytest

from client_sync import JobClient


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
