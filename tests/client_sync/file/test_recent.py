"""States that stay in memory from one page to the next: they spare work, and never outlive what they were made of."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from client_sync import JobClient
from client_sync.file.projection import refold
from client_sync.file.recent import Recent
from client_sync.file.replica import Replica
from client_sync.sync import inbox
from client_sync.sync.plan import BeginEpoch, Position, StorePage
from ledger.model.ids import new_id
from ledger.ports.server import EventRow

EPOCH = new_id()


@pytest.fixture
def replica(path: Path) -> Iterator[Replica]:
    with closing(Replica(path)) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(EPOCH))
        yield replica


def events(job_id: str, first: int, *happened: tuple[str, dict[str, Any]]) -> list[EventRow]:
    """What happened to a job, numbered from ``first``."""
    return [
        EventRow(
            id=str(new_id()), job_id=job_id, type=kind, v=1, owner="alice", actor="alice", seq=seq,
            occurred_at="2026-01-01T00:00:00Z", recorded_at=f"2026-01-01T00:{seq // 60:02}:{seq % 60:02}.000000Z",
            replica_id=None, replica_seq=None, correlation_id=None, causation_id=None, data=json.dumps(data),
        )
        for seq, (kind, data) in enumerate(happened, first)
    ]  # fmt: skip


REQUESTED = ("job.requested", {"name": "a"})
STARTED = ("attempt.started", {"attempt": 1, "processor": str(new_id())})
COMPLETED = ("job.completed", {"attempt": 1, "result": 17})


def store(replica: Replica, recent: Recent, page: list[EventRow]) -> None:
    inbox.store_page(replica, page, StorePage(1000, EPOCH, more=True), recent)


def status(replica: Replica, job_id: str) -> str | None:
    found = replica.connection().execute("select status from jobs where job_id = :job_id", {"job_id": job_id})
    return next((status for (status,) in found), None)


def test_p3_what_pages_leave_in_memory_gives_the_rows_that_folding_anew_gives(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sync.file.recent.RECENT_JOBS", 5)
    choice = random.Random(7)
    failed = {"attempt": 1, "error": {"type": "E"}, "retry_at": None}
    progressed = {"attempt": 1, "n": 1}
    happened: list[tuple[str, dict[str, Any]]] = [REQUESTED, STARTED, COMPLETED, ("job.cancel_requested", {})]
    happened += [("attempt.failed", failed), ("attempt.progressed", progressed)]
    jobs = [str(new_id()) for _ in range(12)]
    recent = Recent()
    for page in range(30):
        rows = [events(choice.choice(jobs), page * 10 + n, choice.choice(happened))[0] for n in range(1, 10)]
        store(replica, recent, rows)
        # some pages find the states of the one before; every third finds that the file was changed meanwhile
        connection = replica.connection()
        if page % 3 == 0:
            kept = connection.execute("select * from jobs order by job_id").fetchall()
            with replica.transaction():
                for job_id in jobs:
                    refold(connection, job_id)
            assert connection.execute("select * from jobs order by job_id").fetchall() == kept


def test_a_state_in_memory_spares_reading_the_job_again(replica: Replica) -> None:
    job_id, recent, asked = str(new_id()), Recent(), list[str]()
    store(replica, recent, events(job_id, 1, REQUESTED, STARTED))
    replica.connection().set_trace_callback(asked.append)
    store(replica, recent, events(job_id, 3, COMPLETED))
    replica.connection().set_trace_callback(None)
    assert status(replica, job_id) == "completed"
    assert not [sql for sql in asked if "e.data" in sql]


@pytest.mark.parametrize("by", ["another connection", "the same one"])
def test_what_the_app_writes_between_two_pages_is_not_overlooked(
    replica: Replica, plain: sqlite3.Connection, by: str
) -> None:
    job_id, recent = str(new_id()), Recent()
    store(replica, recent, events(job_id, 1, REQUESTED))
    writer = plain if by == "another connection" else replica.connection()
    with writer:
        writer.execute("update replica set owner = 'alice'")
        writer.execute("insert into events (job_id, type) values (:id, 'job.cancel_requested')", {"id": job_id})
    store(replica, recent, events(job_id, 2, ("attempt.superseded", {"attempt": 9, "processor": str(new_id())})))
    assert status(replica, job_id) == "cancelled"


def test_a_page_that_was_not_stored_leaves_nothing_behind(replica: Replica) -> None:
    job_id, recent = str(new_id()), Recent()
    store(replica, recent, events(job_id, 1, REQUESTED))
    connection = replica.connection()
    connection.execute("begin immediate")
    store(replica, recent, events(job_id, 2, STARTED))
    assert status(replica, job_id) == "running"
    connection.rollback()
    assert status(replica, job_id) == "pending"
    store(replica, recent, events(job_id, 2, ("attempt.superseded", {"attempt": 9, "processor": str(new_id())})))
    assert status(replica, job_id) == "pending"


@pytest.mark.parametrize("time", ["2024-02-29T23:59:59.9999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_a_time_is_taken_to_the_last_microsecond_of_a_day(
    jobs: JobClient, plain: sqlite3.Connection, time: str
) -> None:
    assert jobs.unsent == 0
    job_id = str(new_id())
    with closing(Replica(jobs._replica.path)) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(EPOCH))
        row = events(job_id, 1, REQUESTED)[0]
        inbox.store_page(replica, [row._replace(occurred_at=time)], StorePage(1, EPOCH, more=False))
    assert plain.execute("select occurred_at from events").fetchone() == (time,)


@pytest.mark.parametrize(
    "time",
    [
        "2023-02-29T00:00:00Z", "2026-04-31T00:00:00.1Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "2026-01-0100:00:00.000Z", "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00z", "now", "",
    ],
)  # fmt: skip
def test_what_is_no_time_in_utc_is_refused(jobs: JobClient, plain: sqlite3.Connection, time: str) -> None:
    assert jobs.unsent == 0
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(
            "insert into events (type, data, occurred_at) values ('job.requested', '{\"name\": \"a\"}', :time)",
            {"time": time},
        )
