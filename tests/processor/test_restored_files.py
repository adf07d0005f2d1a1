"""A server whose files are put back to an earlier moment keeps its identity; what its log lost shows (P1, P6, P12)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from databases import Database, new_template, throwaway_postgres
from in_process import QUICK, Ledger, RunningService
from ledger_calls import Draft, push, push_jobs, sequence
from psycopg import sql
from psycopg.conninfo import make_conninfo
from waiting import until

from client_sync import JobClient
from jobledger.cli import run
from jobledger.embedded import EmbeddedPostgres
from ledger.model.ids import new_id
from ledger.model.protocol import Behind
from processor import Registry
from processor.settings import Settings

NAME = "ledger_to_be_restored"
LIFE = "select max(life) from ledger.lives"
TURN = "select turn from ledger.leader"


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    with throwaway_postgres() as server, new_template(server.dsn()) as template:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(NAME), sql.Identifier(template))
            )
        yield server


def copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def test_p1_p6_a_processor_sees_that_the_log_went_back_and_begins_an_epoch(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    registry = Registry()
    registry.handler("work")(lambda: "done")
    backup = server.data / "backup"
    with ExitStack() as opened:
        database = Database(make_conninfo(server.dsn(), dbname=NAME), opened)
        settings = Settings(retry=QUICK, drain_timeout=5, poll_interval=1)
        opened.callback(RunningService(database.dsn_as("worker"), registry, settings).stop)
        app = opened.enter_context(JobClient(tmp_path / "app.db", dsn=database.dsn_as("app_alice")))

        def finished(count: int) -> bool:
            app.sync()
            return sum(job.status == "completed" for job in app.list(limit=1000)) == count

        app.submit_many({"name": "work"} for _ in range(3))
        until(lambda: finished(3), "jobs that the backup has")
        database.connect().execute("update ledger.lives set began_at = began_at - interval '1 hour'")
        server.stop()
        copy(server.cluster, backup)
        server.start({"fsync": "off"})
        now = Ledger(database)
        life = now.count(LIFE)
        app.submit_many({"name": "work"} for _ in range(4))
        until(lambda: finished(7), "jobs that the backup does not have")
        gone = now.submit("work")
        now.wait_for(gone)
        turn = until(lambda: now.count("select count(*) from ledger.leader") and now.count(TURN), "one to lead")
        until(lambda: now.count(TURN) > turn + 1, "the processor to have seen the end of the log")

        server.stop()
        copy(backup, server.cluster)
        server.start({"fsync": "off"})
        restored = Ledger(database)
        until(lambda: restored.count(LIFE) == life + 1, "a new epoch")
        reason = restored.owner.execute("select reason from ledger.lives order by life desc limit 1").fetchone()
        assert reason is not None
        assert "put back to an earlier moment" in reason["reason"]

        def agrees() -> bool:
            app.sync()
            here = {job.id: job.status for job in app.list(limit=1000)}
            rows = restored.owner.execute("select job_id, status from ledger.jobs").fetchall()
            return len(here) == 7 and here == {row["job_id"]: row["status"] for row in rows} and finished(7)

        until(agrees, "the file to send again what was lost, and to agree with the server")
        assert restored.row(gone) is None, "what was requested straight from a session is gone with the server's files"
        restored.verify()


def test_what_a_client_claims_begins_nothing_but_doctor_names_the_command(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 1)
    sequence(owner)
    before = owner.execute(LIFE).fetchone()
    assert isinstance(push(alice, new_id(), 7, [Draft()]), Behind)
    sequence(owner)
    assert owner.execute(LIFE).fetchone() == before

    def said() -> dict[str, str]:
        run(["doctor", "--dsn", database.dsn, "--json"])
        (found,) = [f for f in json.loads(capsys.readouterr().out) if f["check"] == "epoch"]
        return {key: str(found[key]) for key in ("level", "advice")}

    assert said()["level"] == "warn"
    assert "jobledger epoch --begin" in said()["advice"]
    assert run(["epoch", "--begin", "restored", "--dsn", database.dsn]) == 0
    assert "restored" in capsys.readouterr().out
    assert said()["level"] == "ok"


def test_the_epoch_is_shown_and_begun_by_those_who_may(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    owner = database.connect()
    owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
    assert run(["epoch", "--dsn", database.dsn_as("auditor"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run(["epoch", "--begin", "x", "--dsn", database.dsn_as("auditor")]) == 4
    with database.connect("app_alice").transaction() as writing:
        push_jobs(writing.connection, 1)
        assert run(["epoch", "--begin", "x", "--dsn", database.dsn_as("operator")]) == 4
    assert "stays open" in capsys.readouterr().err
    assert run(["epoch", "--begin", "by hand", "--dsn", database.dsn_as("operator"), "--json"]) == 0
    now = json.loads(capsys.readouterr().out)
    assert (now["number"], now["reason"]) == (first["number"] + 1, "by hand")
    assert now["epoch"] != first["epoch"]
    assert run(["epoch", "--begin", "again", "--dsn", database.dsn_as("operator")]) == 4


def test_p12_who_may_not_begin_an_epoch_yet_waits_and_then_begins_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Epochs that processors begin are limited to one a minute; the copied database has just begun one."""
    registry = Registry()
    registry.handler("work")(lambda: "done")
    ledger = Ledger(database)
    service = RunningService(database.dsn_as("worker"), registry, Settings(retry=QUICK))
    try:
        ledger.wait_for(ledger.submit("work"))
        turn, life = ledger.count(TURN), ledger.count(LIFE)
        until(lambda: ledger.count(TURN) > turn + 1, "the processor to have seen the end of the log")
        ledger.owner.execute("set session_replication_role = replica")
        ledger.owner.execute("delete from ledger.log; update ledger.sequencer set last_seq = 0")
        ledger.owner.execute("select pg_terminate_backend(backend_pid) from ledger.leader")
        until(lambda: "a new epoch of the ledger waits" in caplog.text, "the processor to wait")
        assert ledger.count(LIFE) == life
        ledger.owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
        until(lambda: ledger.count(LIFE) == life + 1, "a new epoch")
        assert ledger.wait_for(ledger.submit("work")).result == "done"
    finally:
        service.stop()


def test_p5_a_processor_whose_heartbeats_went_back_is_a_new_one(database: Database) -> None:
    """As a restore of the server's files leaves it: registered, with fewer heartbeats than were acknowledged."""
    registry = Registry()
    registry.handler("work")(lambda: "done")
    ledger = Ledger(database)
    service = RunningService(database.dsn_as("worker"), registry, Settings(heartbeat=0.05, retry=QUICK))
    try:
        until(lambda: ledger.count("select coalesce(max(beats), 0) from ledger.processors") > 3, "some beats")
        ledger.owner.execute("update ledger.processors set beats = 1")
        until(lambda: ledger.count("select count(*) from ledger.processors where lost_at is null") == 1
              and ledger.count("select count(*) from ledger.processors") == 2, "it to register anew")  # fmt: skip
        assert ledger.wait_for(ledger.submit("work")).result == "done"
    finally:
        service.stop()
