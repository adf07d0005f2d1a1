"""The server goes away for a moment: what runs goes on under the same registration (P5, P6)."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from databases import Database, new_template
from in_process import QUICK, Ledger, RunningService
from psycopg import sql
from psycopg.conninfo import make_conninfo
from waiting import until

from jobledger.embedded import EmbeddedPostgres, temporary_postgres
from jobledger.embedded.postmaster import Postmaster
from ledger.postgres.database import connect, retrying
from processor import Registry
from processor.settings import Settings

NAME = "ledger_to_be_restarted"
ALIVE = "select count(*) from ledger.processors where stopped_at is null and lost_at is null"
LOST = "select count(*) from ledger.events where type in ('attempt.lost', 'processor.lost')"


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, with a ledger."""
    with temporary_postgres({"fsync": "off"}) as server, new_template(server.dsn()) as template:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("create database {} template {}").format(sql.Identifier(NAME), sql.Identifier(template))
            )
        yield server


def restart(server: EmbeddedPostgres) -> None:
    server.stop()
    server.start({"fsync": "off"})


def stop_at_once(server: EmbeddedPostgres) -> None:
    running = Postmaster.read(server.cluster)
    assert running is not None
    os.kill(running.pid, signal.SIGQUIT)
    os.waitpid(running.pid, 0)
    server.start({"fsync": "off"})


def crash_a_backend(server: EmbeddedPostgres) -> None:
    """One backend that dies takes all sessions with it, and the postmaster stays."""
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        backend = admin.info.backend_pid
        os.kill(backend, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            admin.execute("select pg_sleep(60)")
    retrying()(connect, server.dsn()).close()  # when the server is back


@pytest.mark.parametrize("interrupt", [restart, stop_at_once, crash_a_backend])
def test_p6_a_short_break_of_the_server_is_ridden_out(
    server: EmbeddedPostgres, interrupt: Callable[[EmbeddedPostgres], None]
) -> None:
    go_on = threading.Event()
    registry = Registry()

    @registry.handler("work")
    def work() -> str:
        go_on.wait(60)
        return "done"

    with ExitStack() as opened:
        database = Database(make_conninfo(server.dsn(), dbname=NAME), opened)
        before = Ledger(database)
        settings = Settings(threads=2, retry=QUICK, drain_timeout=5)
        for _ in range(2):
            opened.callback(RunningService(database.dsn_as("worker"), registry, settings).stop)
        until(lambda: before.count(ALIVE) == 2, "both processors")
        jobs = [before.submit("work") for _ in range(4)]
        for job in jobs:
            before.wait_for(job, "running")
        beats = before.count("select max(beats) from ledger.processors")
        interrupt(server)
        after = Ledger(database)
        until(lambda: after.count("select min(beats) from ledger.processors") > beats + 4, "both to be back")
        go_on.set()
        for job in jobs:
            state = after.wait_for(job)
            assert (state.result, state.attempt, state.losses) == ("done", 1, 0)
        assert after.wait_for(after.submit("work")).attempt == 1
        assert after.count(ALIVE) == after.count("select count(*) from ledger.processors") == 2
        assert after.count(LOST) == 0
        after.verify()
