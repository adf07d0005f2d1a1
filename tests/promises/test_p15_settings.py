"""No environment, role, database or session setting changes what the system does (P15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import LOGINS, PASSWORD, Database
from in_process import QUICK, Ledger, RunningService
from poolers import PGBOUNCER, TransactionPooler, pgbouncer
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import tuple_row
from waiting import until

from client_sync import JobClient
from jobledger.cli import run
from ledger.errors import LedgerError
from ledger.postgres.database import connect, connect_async
from ledger.postgres.schema import install
from ledger.postgres.server.connection import open_connection
from ledger.postgres.session import SETTINGS, settle
from processor import JobContext, Registry
from processor.service import serve
from processor.settings import Settings

ODD = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Kiritimati",
    "array_nulls": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "xmloption": "document",
    "search_path": "strangers, pg_catalog",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "300ms",
    "exit_on_error": "on",
}
OTHERS = {
    "client_encoding": "LATIN1",
    "lc_numeric": "C",
    "lc_monetary": "C",
    "lc_time": "C",
    "synchronous_commit": "off",
    "enable_indexscan": "off",
    "enable_nestloop": "off",
    "plan_cache_mode": "force_custom_plan",
    "jit_above_cost": "0",
    "work_mem": "64kB",
    "backslash_quote": "off",
    "check_function_bodies": "off",
    "ledger.owner": "app_bob",
}
"""What no session sets, as nothing depends on it, or as the functions see to it themselves."""
ENVIRONMENT = {
    "PGCLIENTENCODING": "LATIN1",
    "PGDATESTYLE": "German, DMY",
    "PGTZ": "Pacific/Kiritimati",
    "PGOPTIONS": " ".join(
        f"-c {name}={value}".replace(", ", ",") for name, value in ODD.items() if name not in ("DateStyle", "TimeZone")
    ),
}
TEXT = 'é ✓ 𝄞 \\ " null'
STRANGERS: bytes = b"""
    create schema strangers;
    grant usage on schema strangers to public;
    create function strangers.octet_length(text) returns integer language sql as 'select 999999999';
    create function strangers.to_char(timestamp, text) returns text language sql as $$select 'never'$$;
    create function strangers.now() returns timestamptz language sql as $$select timestamptz '2001-01-01 00:00:00Z'$$;
    create function strangers.count(text) returns bigint language sql as 'select 0::bigint';
"""
Set = Callable[[Database, dict[str, str]], None]


def for_the_database(database: Database, settings: dict[str, str]) -> None:
    """As ``alter database ... set`` does."""
    alter(database, sql.SQL("alter database {}").format(name_of(database)), settings)


def for_the_roles(database: Database, settings: dict[str, str]) -> None:
    """As ``alter role ... set`` does, but here alone: roles belong to the whole server."""
    for login in LOGINS:
        role = sql.SQL("alter role {} in database {}").format(sql.Identifier(login), name_of(database))
        alter(database, role, settings)


def name_of(database: Database) -> sql.Identifier:
    return sql.Identifier(str(conninfo_to_dict(database.dsn)["dbname"]))


def alter(database: Database, what: sql.Composed, settings: dict[str, str]) -> None:
    with closing(psycopg.connect(database.dsn, autocommit=True)) as admin:
        admin.execute("set default_transaction_read_only = off")
        if admin.execute("select to_regnamespace('strangers')").fetchone() == (None,):
            admin.execute(STRANGERS)
        for name, value in settings.items():
            values = sql.SQL(", ").join(sql.Literal(each) for each in value.split(", "))
            admin.execute(sql.SQL("{} set {} = {}").format(what, sql.SQL(name), values))


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def whole_path(database: Database, output: pytest.CaptureFixture[str], client_dsn: str = "") -> None:
    """Submit in a file, sync, process with a retry, the result, history, verify, stats and doctor."""
    params = {"text": TEXT, "null": None, "number": 0.1, "list": [None, "null"]}
    ledger = Ledger(database)
    with JobClient("app.db", dsn=client_dsn or database.dsn_as("app_alice")) as client, a_processor(database):
        job = client.submit("echo", params, run_at="2026-02-03T04:05:06+05:30")
        other = client.submit("nobody has this")
        client.cancel(other.id)
        until(lambda: client.sync() is not None and client.get(job.id).status == "completed", "the result")
        assert client.get(job.id).result == params
        until(lambda: client.sync() is not None and client.get(other.id).status == "cancelled", "the cancel")
        assert client.refusals() == []
        assert ledger.wait_for(ledger.submit("echo", params)).result == params
        (failed,) = [event for event in ledger.events(job.id) if event["type"] == "attempt.failed"]
        assert failed["data"]["error"]["message"] == TEXT
        output.readouterr()
        for verb in (
            ["history", str(job.id)],
            ["log"],
            ["stats"],
            ["verify"],
            ["doctor"],
            ["doctor", "--db", "app.db"],
        ):
            code = run([*verb, "--json", "--dsn", database.dsn_as("auditor")])
            said = output.readouterr().out
            assert code == 0, said
    ledger.verify()


@contextmanager
def a_processor(database: Database) -> Iterator[None]:
    registry = Registry()

    @registry.handler("echo", max_attempts=3)
    def echo(params: dict[str, Any], job: JobContext) -> dict[str, Any]:
        job.progress(50, TEXT)
        step: dict[str, Any] = job.step("once", lambda: params)
        if job.attempt == 1:
            raise ValueError(TEXT)
        return step

    settings = Settings(retry=QUICK, drain_timeout=5.0, poll_interval=0.5)
    service = RunningService(database.dsn_as("worker"), registry, settings)
    try:
        yield
    finally:
        service.stop()


@pytest.mark.parametrize("way", [for_the_database, for_the_roles])
def test_p15_all_settings_at_once(database: Database, capsys: pytest.CaptureFixture[str], way: Set) -> None:
    way(database, ODD | OTHERS)
    whole_path(database, capsys)


def test_p15_the_environment(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(psycopg.connect(database.dsn, autocommit=True)) as admin:
        admin.execute(STRANGERS)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    whole_path(database, capsys)


@pytest.mark.parametrize("name", [*ODD, *OTHERS])
def test_p15_each_setting(database: Database, capsys: pytest.CaptureFixture[str], name: str) -> None:
    for_the_database(database, {name: (ODD | OTHERS)[name]})
    whole_path(database, capsys)


@pytest.mark.parametrize(
    "pooler", ["ours", pytest.param("pgbouncer", marks=pytest.mark.skipif(PGBOUNCER is None, reason="not installed"))]
)
def test_p15_through_a_pooler_that_lends_sessions_for_a_transaction(
    database: Database, capsys: pytest.CaptureFixture[str], pooler: str
) -> None:
    for_the_database(database, {name: value for name, value in ODD.items() if name != "idle_session_timeout"})
    with TransactionPooler(database.dsn) if pooler == "ours" else pgbouncer(database.dsn) as between:
        dsn = between.dsn if isinstance(between, TransactionPooler) else between
        dsn = make_conninfo(dsn, user="app_alice", password=PASSWORD)
        whole_path(database, capsys, dsn)
        with closing(psycopg.connect(dsn, autocommit=True)) as stranger:
            left = stranger.execute("select current_setting('array_nulls'), current_setting('statement_timeout')")
            assert left.fetchone() == ("off", "300ms"), "nothing of ours is left in sessions of others"


@pytest.mark.parametrize("way", [for_the_database, for_the_roles])
def test_p15_every_kind_of_session_sets_what_it_depends_on(database: Database, way: Set) -> None:
    way(database, ODD | {"client_encoding": "LATIN1"})
    expected = SETTINGS | {"client_encoding": "UTF8"}
    query = b"select name, current_setting(name) from unnest(%(names)s::text[]) name"
    dsn, names = database.dsn_as("worker"), {"names": list(expected)}

    async def of_a_service() -> dict[str, str]:
        async with await connect_async(dsn) as connection:
            return dict(await (await connection.cursor(row_factory=tuple_row).execute(query, names)).fetchall())

    with closing(open_connection(dsn)) as session, connect(dsn) as connection:
        settle(session)
        for found in (
            dict(session.cursor(row_factory=tuple_row).execute(query, names).fetchall()),
            dict(connection.cursor(row_factory=tuple_row).execute(query, names).fetchall()),
            asyncio.run(of_a_service()),
        ):
            assert found == expected


def test_p15_the_odd_settings_are_those_that_a_session_sets() -> None:
    assert ODD.keys() == SETTINGS.keys()


@pytest.fixture
def latin(empty_database: Database) -> Iterator[str]:
    """The DSN of a database that is not UTF-8."""
    name = sql.Identifier(str(conninfo_to_dict(empty_database.dsn)["dbname"]) + "_latin")
    with closing(psycopg.connect(empty_database.dsn, autocommit=True)) as admin:
        admin.execute(sql.SQL("create database {} template template0 encoding latin1 locale 'C'").format(name))
        yield make_conninfo(empty_database.dsn, dbname=name.as_string(None).strip('"'))
        admin.execute(sql.SQL("drop database {} with (force)").format(name))


def test_p15_a_database_that_cannot_hold_every_text_is_refused(latin: str, tmp_path: Path) -> None:
    registry = Registry()
    registry.handler("noop")(lambda: None)
    with pytest.raises(LedgerError, match="stores text as LATIN1") as refused:
        asyncio.run(serve(registry, latin))
    assert "UTF8" in str(refused.value.hint)
    with JobClient(tmp_path / "app.db", dsn=latin) as client, pytest.raises(LedgerError, match="stores text as LATIN1"):
        client.sync()
    assert run(["init", "--dsn", latin]) == 1
    with closing(psycopg.connect(latin)) as connection, pytest.raises(LedgerError, match="stores text as LATIN1"):
        install(connection)
