"""Where no processor can work is said before it begins, and what Postgres refuses is distinguished by its kind."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from databases import Database

from ledger.errors import LedgerError, NotALedger, SchemaMismatch, ServerUnreachable
from ledger.ports.store import BrokenOff, Interrupted, NotAllowed, NotRegistered, Unrecordable
from ledger.postgres.store.errors import translated
from ledger.postgres.store.store import PostgresStore


def check(dsn: str) -> None:
    asyncio.run(PostgresStore(dsn).check())


def test_a_processors_login_and_a_schema_of_this_version_will_do(database: Database) -> None:
    check(database.dsn_as("worker"))


def test_p16_a_processor_begins_nothing_with_a_schema_that_is_too_new_or_too_old(database: Database) -> None:
    owner = database.connect()
    owner.execute("insert into ledger.schema_version (version, oldest_code) values (1000, 999)")
    with pytest.raises(SchemaMismatch, match="the database holds schema 1000") as refused:
        check(database.dsn_as("worker"))
    assert refused.value.hint is not None
    owner.execute("delete from ledger.schema_version")
    owner.execute("insert into ledger.schema_version (version, oldest_code) values (1, 1)")
    with pytest.raises(SchemaMismatch, match="the database holds schema 1;"):
        check(database.dsn_as("worker"))


def test_p16_a_newer_schema_that_still_takes_this_code_will_do(database: Database) -> None:
    database.connect().execute("insert into ledger.schema_version (version, oldest_code) values (1000, 2)")
    check(database.dsn_as("worker"))


def test_a_database_without_a_ledger_is_named_as_such(empty_database: Database) -> None:
    with pytest.raises(NotALedger, match="no job ledger"):
        check(empty_database.dsn_as("worker"))


def test_a_login_that_may_not_is_told_what_it_needs(database: Database) -> None:
    with pytest.raises(NotAllowed, match="this login cannot run a processor") as refused:
        check(database.dsn_as("app_alice"))
    assert refused.value.hint is not None
    assert "ledger_processor" in refused.value.hint


def test_what_is_no_connection_string_is_not_shown() -> None:
    with pytest.raises(LedgerError, match="not a connection string") as refused:
        PostgresStore("postgresql://me:se cret@host/x y=z")
    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.QueryCanceled, Interrupted),
        (psycopg.errors.AdminShutdown, Interrupted),
        (psycopg.errors.DeadlockDetected, Interrupted),
        (psycopg.OperationalError, Interrupted),
        (psycopg.errors.InvalidTextRepresentation, Unrecordable),
        (psycopg.errors.CheckViolation, Unrecordable),
        (psycopg.errors.ProgramLimitExceeded, Unrecordable),
        (psycopg.errors.InsufficientPrivilege, NotAllowed),
        (psycopg.errors.InvalidSchemaName, NotAllowed),
        (psycopg.errors.lookup("42883"), psycopg.errors.UndefinedFunction),
    ],
    ids=lambda kind: kind.__name__,
)
def test_each_refusal_has_its_kind(error: type[psycopg.Error], kind: type[Exception]) -> None:
    found = translated(error("it says so"))
    assert type(found) is kind
    assert str(found).endswith("it says so")
    assert isinstance(found, ServerUnreachable) == (kind is Interrupted)


def test_a_session_that_goes_on_is_told_apart() -> None:
    cancelled = psycopg.errors.QueryCanceled("it says so")
    assert type(translated(cancelled, session_goes_on=True)) is BrokenOff
    assert type(translated(psycopg.OperationalError("gone"), session_goes_on=True)) is Interrupted


def test_p5_a_claim_of_one_that_is_not_registered_has_its_kind(database: Database) -> None:
    with pytest.raises(psycopg.Error) as refused:
        database.connect("worker").execute(
            "select ledger.claim(gen_random_uuid(), gen_random_uuid(), '{default}', '{noop}', 1)"
        )
    assert isinstance(translated(refused.value), NotRegistered)
