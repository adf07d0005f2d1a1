"""Events in the file are facts: added once, confirmed once by the server, and otherwise left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.sync import inbox
from client_sync.sync.plan import BeginEpoch, Position, StorePage
from ledger.model.ids import new_id
from ledger.ports.server import EventRow


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
        "update events set local_seq = null",
        "update events set oid = 9",
        "update events set seq = null, life = null, data = '{}'",
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
        "replace into replica (only_row, replica_id) values (1, 'another')",
        "insert into replica (only_row, replica_id) values (1, 'another') on conflict do update set replica_id = 'bob'",
        "replace into replica_history (n, what) select n, 'nothing' from replica_history",
        "insert into compaction (job_id) select job_id from jobs",
        "insert or ignore into compaction (job_id) select job_id from jobs",
        "replace into compaction (job_id) select job_id from jobs",
        "update replica set compacted_seq = -1",
        "delete from replica_history",
        "update replica_history set what = 'nothing'",
    ],
)
@pytest.mark.parametrize("recursive", ["off", "on"])
def test_p7_what_is_there_stays(
    plain: sqlite3.Connection, event: tuple[str, ...], statement: str, recursive: str
) -> None:
    plain.execute(f"pragma recursive_triggers = {recursive}")
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(statement)
    assert plain.execute("select * from events where local_seq = 1").fetchone() == event
    assert plain.execute("select count(*) from events").fetchone() == (2,)


def test_the_owner_of_a_file_is_learned_once(plain: sqlite3.Connection) -> None:
    plain.execute("update replica set owner = 'alice'")
    plain.execute("update replica set owner = 'alice'")
    with pytest.raises(sqlite3.IntegrityError, match="belongs to another owner"):
        plain.execute("update replica set owner = 'bob'")


def pulled(path: Path, *types: str) -> str:
    """The job that the file has read these events of, from a server; its id."""
    job_id = str(new_id())
    page = [
        EventRow(
            id=str(new_id()), job_id=job_id, type=kind, v=1, owner="alice", actor="alice", seq=seq,
            occurred_at="2026-01-01T00:00:00Z", recorded_at="2026-01-01T00:00:00Z", replica_id=None,
            replica_seq=None, correlation_id=None, causation_id=None,
            data='{"name": "a"}' if kind == "job.requested" else '{"attempt": 1, "result": 17}',
        )
        for seq, kind in enumerate(types, start=1)
    ]  # fmt: skip
    with closing(Replica(path)) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(new_id()))
        inbox.store_page(replica, page, StorePage(5, new_id(), more=False))
    return job_id


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
    pulled(path, "job.requested")
    before = plain.execute("select * from events").fetchall()
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(f"update events set {change}")  # noqa: S608 - the table above
    assert plain.execute("select * from events").fetchall() == before


LEAVE = "insert into compaction (job_id) values (:job_id)"


def test_a_job_that_the_server_holds_whole_may_leave(path: Path, plain: sqlite3.Connection) -> None:
    key = {"job_id": pulled(path, "job.requested", "job.completed")}
    plain.execute(LEAVE, key)
    counts = "select (select count(*) from events), (select count(*) from jobs), (select count(*) from compaction)"
    assert plain.execute(counts).fetchone() == (0, 0, 0)
    with pytest.raises(sqlite3.IntegrityError, match="only a job that has ended"):
        plain.execute(LEAVE, key)


@pytest.mark.parametrize(
    "before",
    [
        "insert into events (job_id, type) select job_id, 'job.cancel_requested' from jobs",
        "update replica set settled_life = 0",
        "update replica set life = life + 1",
        "update replica set pulled_seq = 1",
        "update jobs set finished_at = null",
        "delete from jobs",
    ],
)
def test_p1_a_job_that_may_not_leave_stays_whole(path: Path, plain: sqlite3.Connection, before: str) -> None:
    key = {"job_id": pulled(path, "job.requested", "job.completed")}
    plain.execute(before)
    events = plain.execute("select * from events").fetchall()
    for statement in (LEAVE, LEAVE.replace("insert", "insert or ignore"), LEAVE.replace("insert", "replace")):
        with pytest.raises(sqlite3.IntegrityError, match="only a job that has ended"):
            plain.execute(statement, key)
    assert plain.execute("select * from events").fetchall() == events


def test_p1_to_say_that_a_job_has_ended_is_not_enough(plain: sqlite3.Connection, event: tuple[str, ...]) -> None:
    plain.execute("update jobs set finished_at = '2020-01-01T00:00:00Z'")
    plain.execute("update replica set acked_seq = 2, pulled_seq = 9")
    with pytest.raises(sqlite3.IntegrityError, match="only a job that has ended"):
        plain.execute("insert into compaction (job_id) select job_id from jobs")


def test_p7_one_job_does_not_take_another_with_it(path: Path, plain: sqlite3.Connection) -> None:
    key = {"job_id": pulled(path, "job.requested", "job.completed")}
    plain.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"b\"}')")
    plain.execute("create trigger greedy after delete on jobs begin delete from events; end")
    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        plain.execute(LEAVE, key)
    assert plain.execute("select count(*) from events").fetchone() == (3,)


def test_p7_what_has_left_leaves_its_number_behind(plain: sqlite3.Connection) -> None:
    plain.execute("update replica set compacted_seq = 7")
    with pytest.raises(sqlite3.IntegrityError, match="compacted_seq only grows"):
        plain.execute("update replica set compacted_seq = 6")
    plain.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"b\"}')")
    assert plain.execute("select local_seq from events").fetchone() == (8,)
    with pytest.raises(sqlite3.IntegrityError, match="local_seq: leave it out"):
        plain.execute("insert into events (type, data, local_seq) values ('job.requested', '{\"name\": \"b\"}', 7)")
