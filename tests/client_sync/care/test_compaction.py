"""Compaction: finished jobs leave the file, nothing else does, and what has left can be read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from databases import Database, new_database
from psycopg.conninfo import conninfo_to_dict
from stepwise import Server

from client_sync import JobClient
from client_sync.care import compaction
from client_sync.sync.result import SyncResult
from ledger.errors import Conflict, JobNotFound, NotALedger

NOW = timedelta(minutes=-1)
"""Whatever has ended: how well the file knows the server's clock is not the question."""
DAY = timedelta(days=1)


def finish(online: JobClient, server: Server, count: int = 1) -> list[UUID]:
    """So many jobs that have run and ended, as far as file and server know."""
    ids = online.submit_many({"name": "count-words"} for _ in range(count))
    online.sync()
    server.complete("count-words", 17)
    online.sync()
    return ids


def rows(jobs: JobClient, table: str) -> list[tuple[object, ...]]:
    with jobs.transaction() as db:
        return db.execute(f"select * from {table}").fetchall()  # noqa: S608 - the tests' own names


@contextmanager
def backup(postgres_dsn: str, database: Database) -> Iterator[Server]:
    """The server as it is at this moment. Ends the sessions that the database has."""
    name = str(conninfo_to_dict(database.dsn)["dbname"])
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %(name)s", {"name": name})
    with new_database(postgres_dsn, name) as copy:
        yield Server(copy)


def test_a_finished_job_leaves_and_comes_back(online: JobClient, server: Server) -> None:
    (done,) = finish(online, server)
    before, history = online.get(done), online.history(done)
    result = online.compact(NOW)
    assert (result.jobs, result.events) == (1, 3)
    assert [rows(online, table) for table in ("events", "jobs", "compaction")] == [[], [], []]
    with pytest.raises(JobNotFound, match="no job") as missing:
        online.cancel(done)
    assert "sync --again" in str(missing.value.hint)
    assert online.sync() == SyncResult(), "a sync alone does not bring it back"

    assert online.sync(again=True) == SyncResult(pulled=3)
    assert online.get(done) == before
    assert [event.id for event in online.history(done)] == [event.id for event in history]
    assert online.sync(again=True) == SyncResult(), "it is all here"
    assert online.compact(NOW).jobs == 1, "and may leave again"


def test_what_is_not_old_or_not_finished_stays(online: JobClient, server: Server) -> None:
    finish(online, server)
    waiting = online.submit("waits")
    online.sync()
    server.sequence()
    online.sync()
    saved = online.submit("saved")
    assert online.compact(DAY).jobs == 0
    assert online.compact(NOW).jobs == 1
    assert {job.id for job in online.list()} == {waiting.id, saved.id}


def test_p1_a_job_with_an_unacknowledged_event_stays(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    (done,) = finish(online, server)
    key = {"job_id": str(done)}
    plain.execute("insert into events (job_id, type) values (:job_id, 'job.cancel_requested')", key)
    assert online.compact(NOW).jobs == 0
    online.sync()
    assert online.compact(NOW).jobs == 0, "acknowledged, but not in the log yet"
    server.sequence()
    online.sync()
    assert online.compact(NOW).jobs == 1
    assert server.count("job.cancel_requested") == 1


def test_p8_a_refused_request_stays_with_its_reason(online: JobClient, server: Server) -> None:
    job = online.submit("late", expires_at="2020-01-01T00:00:00Z")
    online.sync()
    assert online.compact(NOW).jobs == 0
    assert online.get(job.id).shown == "refused"


def test_while_a_new_epoch_is_read_nothing_leaves(online: JobClient, server: Server) -> None:
    finish(online, server)
    with online.transaction() as db:
        db.execute("update replica set life = life + 1, pulled_seq = 0")
    assert online.compact(NOW).jobs == 0


def test_before_a_new_epoch_was_read_to_its_end_nothing_leaves(online: JobClient, server: Server) -> None:
    """All of the job was confirmed in the new epoch already; later events may still be missing."""
    finish(online, server)
    with online.transaction() as db:
        db.execute("update replica set settled_life = settled_life - 1")
    assert online.compact(NOW).jobs == 0
    with online.transaction() as db:
        db.execute("update replica set settled_life = life")
    assert online.compact(NOW).jobs == 1


def test_p1_what_is_not_acknowledged_stays(online: JobClient, server: Server) -> None:
    finish(online, server)
    with online.transaction() as db:
        db.execute("update replica set acked_seq = 0")
        assert db.execute("select count(*) from compactable_jobs").fetchone() == (0,)
    assert online.compact(NOW).jobs == 0


def test_what_the_cursor_has_not_passed_stays(online: JobClient, server: Server) -> None:
    finish(online, server)
    with online.transaction() as db:
        db.execute("update replica set pulled_seq = 1")  # a reading from the start, cut off
    assert online.compact(NOW).jobs == 0
    online.sync()
    assert online.compact(NOW).jobs == 1


def test_the_age_counts_by_the_servers_clock(online: JobClient, server: Server) -> None:
    finish(online, server)
    with online.transaction() as db:
        db.execute("update replica set clock_skew_ms = :skew", {"skew": -2 * DAY // timedelta(milliseconds=1)})
    assert online.compact(DAY).jobs == 0, "this machine's clock is two days ahead"
    with online.transaction() as db:
        db.execute("update replica set clock_skew_ms = :skew", {"skew": 2 * DAY // timedelta(milliseconds=1)})
    assert online.compact(DAY).jobs == 1


def test_no_number_is_used_again(online: JobClient, server: Server, plain: sqlite3.Connection) -> None:
    finish(online, server, 3)
    online.compact(NOW)
    online.submit("next")
    plain.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"plain\"}')")
    assert [n for (n,) in plain.execute("select local_seq from events order by local_seq")] == [4, 5]
    assert online.unsent == 2
    assert online.sync().pushed == 2
    assert server.value("select head from ledger.replicas") == 5


def test_a_late_event_makes_no_job_of_what_has_left(online: JobClient, server: Server, tmp_path: Path) -> None:
    (done,) = finish(online, server)
    with JobClient(tmp_path / "second.db", dsn=server.dsn) as second:
        second.sync()
        online.compact(NOW)
        server.record(done, "attempt.progressed", n=2, percent=50.0, message="too late")
        with second.transaction() as db:
            db.execute("insert into events (job_id, type) values (:id, 'job.cancel_requested')", {"id": str(done)})
        second.sync()
    server.sequence()
    assert online.sync().pulled == 2
    assert online.list() == []
    assert {event.type for event in online.history(done)} == {"attempt.superseded", "job.cancel_requested"}
    online.sync(again=True)
    assert online.get(done).shown == "completed"
    assert online.compact(NOW).events == 5


def test_asking_again_with_a_compacted_id_is_refused_and_harmless(online: JobClient, server: Server) -> None:
    (done,) = finish(online, server)
    online.compact(NOW)
    online.submit("count-words", job_id=done)
    assert online.sync().refused == 1
    assert online.get(done).shown == "refused"
    online.sync(again=True)
    assert online.get(done).result == 17


def test_it_goes_in_short_transactions_and_may_be_interrupted(
    online: JobClient, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "EVENTS_AT_ONCE", 6)
    finish(online, server, 9)
    heard: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        heard.append((done, total))
        with sqlite3.connect(path, timeout=0) as other:  # another program gets in between
            other.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"other\"}')")
        other.close()
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        online.compact(NOW, report=interrupt)
    assert heard == [(2, 9), (4, 9)]
    assert len(online.list(name="count-words")) == 5
    assert online.compact(NOW).jobs == 5
    assert len(online.list(name="other")) == 2
    with online.transaction() as db:
        notes = db.execute("select count(*) from replica_history where what = 'replica.compacted'").fetchone()
    assert notes == (2,)


def test_what_may_not_leave_is_passed_over(
    online: JobClient, server: Server, plain: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "JOBS_AT_ONCE", 2)
    ids = finish(online, server, 7)
    for job_id in ids[:5]:
        plain.execute("insert into events (job_id, type) values (:id, 'job.cancel_requested')", {"id": str(job_id)})
    assert online.compact(NOW).jobs == 2


def test_vacuum_gives_the_space_back(online: JobClient, server: Server, path: Path) -> None:
    online.submit_many({"name": "count-words", "params": {"x": "x" * 20_000}} for _ in range(100))
    online.sync()
    server.complete("count-words", 17)
    online.sync()
    kept = online.compact(NOW)
    assert kept.bytes_after == kept.bytes_before > 2_000_000
    assert kept.bytes_free > 2_000_000
    shrunk = online.compact(NOW, vacuum=True)
    assert (shrunk.jobs, shrunk.bytes_free) == (0, 0)
    assert path.stat().st_size == shrunk.bytes_after < 200_000
    online.submit("after")
    assert online.sync().pushed == 1


def test_it_is_no_part_of_another_transaction(online: JobClient) -> None:
    with online.transaction(), pytest.raises(Conflict, match="inside a transaction"):
        online.compact(NOW)


def test_a_restored_server_gets_what_the_file_still_has(path: Path, database: Database, postgres_dsn: str) -> None:
    lost = Server(database)
    with JobClient(path, dsn=lost.dsn) as jobs:
        finish(jobs, lost, 2)
        kept = jobs.submit_many({"name": "kept"} for _ in range(2))
        jobs.sync()
        lost.sequence()
        jobs.sync()
    with backup(postgres_dsn, database) as server:
        lost = Server(database)
        with JobClient(path, dsn=lost.dsn) as jobs:
            finish(jobs, lost)
            late = jobs.submit("late")
            jobs.sync()
            lost.sequence()
            jobs.sync()
            assert jobs.compact(NOW).jobs == 3
        with JobClient(path, dsn=server.dsn) as jobs:
            result = jobs.sync()
            assert (result.rewound, result.pushed) == (True, 3), "all that is left: nobody can tell which it has"
            server.sequence()
            jobs.sync()
            names = sorted(str(job.name) for job in jobs.list())
            assert names == ["count-words", "count-words", "kept", "kept", "late"], "what it has comes back by itself"
            assert {jobs.get(job_id).standing for job_id in [*kept, late.id]} == {"synced"}
            jobs.submit("on we go")
            assert jobs.sync() == SyncResult(pushed=1)
        assert server.count("job.requested") == 6
        server.check()


def test_a_copy_of_a_compacted_file_goes_on_by_itself(
    online: JobClient, server: Server, path: Path, tmp_path: Path
) -> None:
    finish(online, server, 3)
    online.submit("waits")
    online.sync()
    online.compact(NOW)
    with sqlite3.connect(path) as live, sqlite3.connect(tmp_path / "copy.db") as target:
        live.backup(target)
    live.close()
    target.close()
    with JobClient(tmp_path / "copy.db", dsn=server.dsn) as copy:
        copy.submit("theirs")
        online.submit("mine")
        assert online.sync() == SyncResult(pushed=1, pulled=0)
        result = copy.sync()
        assert (result.forked, result.pushed) == (True, 1)
        server.sequence()
        copy.sync()
        assert sorted(str(job.name) for job in copy.list()) == ["mine", "theirs", "waits"]


def test_the_command(online: JobClient, server: Server, path: Path) -> None:
    from click.testing import CliRunner

    from jobledger.cli import cli

    finish(online, server, 2)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, ["compact", *arguments], catch_exceptions=False)
        return done.output

    assert "is not an age" in run("--db", str(path), "--older-than", "soon")
    assert run("--db", str(path), "--older-than", "30d").startswith("0 jobs with 0 events have left; the file has 0.")
    assert '"jobs": 2, "events": 6' in run("--db", str(path), "--older-than", "0s", "--vacuum", "--json")
    with pytest.raises(NotALedger, match="no such file"):
        run("--db", str(path.with_name("none.db")), "--older-than", "1d")
    again = CliRunner().invoke(cli, ["sync", "--again", "--db", str(path), "--dsn", server.dsn], catch_exceptions=False)
    assert again.output == "pushed 0, refused 0, pulled 6\n"


def test_p13_a_job_costs_the_same_in_a_large_file(online: JobClient, server: Server) -> None:
    def steps_for_five_jobs(count: int) -> int:
        finish(online, server, count)
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += 1
            return 0

        with online.transaction() as db:
            db.set_progress_handler(step, 1)
            db.execute("insert into compaction select job_id from compactable_jobs order by finished_at limit 5")
            db.set_progress_handler(None, 0)
        return steps

    young = steps_for_five_jobs(20)
    old = steps_for_five_jobs(2_000)
    assert old < young * 1.3, "steps of SQLite's machine"
