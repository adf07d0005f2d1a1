"""Installing the schema: once, whole, and never over something else."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest
from databases import Database

from ledger.errors import Conflict, LedgerError, NotALedger, SchemaMismatch
from ledger.postgres import schema
from ledger.postgres.schema import VERSION, check, install, installed_version
from ledger.postgres.steps import read_schema
from ledger.postgres.upgrade import upgrade


def test_installing_again_changes_nothing(database: Database) -> None:
    owner = database.connect()
    assert install(owner) is False
    check(owner)


def test_an_empty_database_has_no_ledger_until_it_is_installed(empty_database: Database) -> None:
    owner = empty_database.connect()
    with pytest.raises(NotALedger, match="no job ledger"):
        check(owner)
    assert install(owner) is True
    assert installed_version(owner) == VERSION


def test_an_installation_that_fails_leaves_nothing(empty_database: Database) -> None:
    owner = empty_database.connect()
    owner.execute(
        "create function public.spoil() returns event_trigger language plpgsql as 'begin raise ''spoilt''; end'"
    )
    # policies are among the last things that the schema makes
    owner.execute(
        """
        create event trigger spoil on ddl_command_end when tag in ('CREATE POLICY') execute function public.spoil()
        """
    )
    with pytest.raises(psycopg.Error, match="spoilt"):
        install(owner)
    assert installed_version(owner) is None


def test_two_installations_at_once_both_succeed(empty_database: Database) -> None:
    made: list[bool] = []
    threads = [threading.Thread(target=lambda: made.append(install(empty_database.connect()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False, False, True]


def test_an_installation_waits_for_another_one_but_not_for_ever(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not make a schema here cannot hold it up; whoever may is named by no lock that it could guess."""
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "100ms")
    empty_database.connect("app_alice").execute("select pg_advisory_lock(hashtext('jobledger install'))")
    other, owner = empty_database.connect(autocommit=False), empty_database.connect()
    other.execute("create schema ledger")
    with pytest.raises(Conflict, match="within 100ms"):
        install(owner)
    other.rollback()
    assert install(owner) is True


def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    owner = database.connect()
    owner.execute("insert into ledger.schema_version (version, oldest_code) values (99, 99)")
    for action in (check, install, upgrade):
        with pytest.raises(SchemaMismatch, match="schema 99; this jobledger knows") as refusal:
            action(owner)
        assert refusal.value.hint == "upgrade jobledger; a schema is never downgraded"


def test_p16_a_newer_schema_that_says_so_may_be_used_but_not_installed(database: Database) -> None:
    owner = database.connect()
    owner.execute(
        "insert into ledger.schema_version (version, oldest_code) values (99, %(version)s)", {"version": VERSION}
    )
    check(owner)
    for action in (install, upgrade):
        with pytest.raises(SchemaMismatch, match="schema 99"):
            action(owner)


def test_a_foreign_schema_of_the_same_name_is_refused(empty_database: Database) -> None:
    owner = empty_database.connect()
    owner.execute("create schema ledger")
    with pytest.raises(NotALedger, match="not a job ledger's"):
        install(owner)


def test_a_role_without_the_right_gets_a_clear_error(empty_database: Database) -> None:
    with pytest.raises(LedgerError, match="may not install"):
        install(empty_database.connect("app_alice"))


def test_the_schema_is_the_file_at_the_top_of_the_repository() -> None:
    assert read_schema() == (Path(__file__).parents[3] / "schema.sql").read_text(encoding="utf-8")
