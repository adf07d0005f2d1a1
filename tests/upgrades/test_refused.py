"""An upgrade that cannot be is refused before anything is touched, and says why and what to do."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from catalogue import read_catalogue
from databases import PASSWORD, Database, drop_database
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from ledger.errors import Conflict, LedgerError, SchemaMismatch
from ledger.postgres.database import connect
from ledger.postgres.schema import installed_version
from ledger.postgres.upgrade import upgrade
from ledger.postgres.upgrade_plan import plan_upgrade


def never(_seconds: float) -> None:
    """No time between two tries."""


@pytest.mark.parametrize("login", ["operator", "worker", "auditor"])
def test_it_needs_the_owner_of_the_ledger_and_says_who_that_is(v1: Database, login: str) -> None:
    owner = v1.connect()
    user = owner.info.user
    before = read_catalogue(owner)
    for action in (plan_upgrade, upgrade):
        with pytest.raises(LedgerError, match=f"may not upgrade the schema, which belongs to {user}") as refusal:
            action(v1.connect(login))
        assert refusal.value.hint == f"use the login {user}, or a superuser"
    assert read_catalogue(owner) == before


@pytest.mark.parametrize("by", ["its owner", "a superuser"])
def test_whoever_upgrades_it_the_ledger_belongs_to_its_owner(v1: Database, by: str) -> None:
    admin = v1.connect()
    name = f"owner_{uuid4().hex}"
    admin.execute(SQL("create role {} login password {}").format(Identifier(name), Literal(PASSWORD)))
    admin.execute(SQL("grant create on database {} to {}").format(Identifier(admin.info.dbname), Identifier(name)))
    try:
        for kind, things in {
            "schema": "select 'ledger'",
            "table": """select c.oid::regclass::text from pg_class c
                        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'v')""",
            "routine": "select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'ledger'::regnamespace",
        }.items():
            for row in admin.execute(things.encode()).fetchall():
                (thing,) = row.values()
                admin.execute(f"alter {kind} {thing} owner to {name}".encode())
        if by == "its owner":  # who need not be able to do anything else
            with connect(v1.dsn_as(name)) as connection:
                upgrade(connection)
        else:
            upgrade(admin)
        owners = admin.execute("""
            select distinct x.owner::regrole::text as owner
            from (select c.relowner from pg_class c where c.relnamespace = 'ledger'::regnamespace
                  union all select p.proowner from pg_proc p where p.pronamespace = 'ledger'::regnamespace) x (owner)
        """).fetchall()
        assert owners == [{"owner": name}]
    finally:
        admin.execute(SQL("drop owned by {} cascade").format(Identifier(name)))
        admin.execute(SQL("drop role {}").format(Identifier(name)))


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_dsn: str) -> None:
    name = f"ledger_latin_{uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(
            SQL("create database {} encoding 'LATIN1' locale 'C' template template0").format(Identifier(name))
        )
        try:
            with (
                psycopg.connect(make_conninfo(postgres_dsn, dbname=name), autocommit=True) as connection,
                pytest.raises(LedgerError, match="stores text as LATIN1"),
            ):
                upgrade(connection)
        finally:
            drop_database(admin, name)


def test_a_newer_schema_is_refused_and_no_schema_is_ever_downgraded(database: Database) -> None:
    owner = database.connect()
    owner.execute("insert into ledger.schema_version (version, oldest_code) values (99, 1)")
    before = read_catalogue(owner)
    with pytest.raises(SchemaMismatch, match="the database holds schema 99") as refusal:
        upgrade(owner)
    assert refusal.value.hint is not None
    assert "never downgraded" in refusal.value.hint
    assert read_catalogue(owner) == before


def test_who_keeps_it_waiting_is_named_and_others_pass_meanwhile(v1: Database) -> None:
    """A reader that stays in its transaction keeps the upgrade out, but nobody who comes after both."""
    owner, other = v1.connect(), v1.connect()
    before = read_catalogue(owner)
    reader = connect(v1.dsn_as("auditor"), application_name="a long report", autocommit=False)
    reader.execute("select count(*) from ledger.events")
    passed = []

    def pause(_seconds: float) -> None:
        passed.append(other.execute("select count(*) from ledger.events").fetchone())

    with pytest.raises(Conflict, match="has not had its moment within 0 s") as refusal:
        upgrade(owner, patience_s=0, pause=pause)
    assert "(auditor, a long report) keeps ledger.events" in refusal.value.message
    upgraded = []

    def end_the_report(_seconds: float) -> None:
        upgraded.append(installed_version(other))
        reader.rollback()

    assert read_catalogue(owner) == before
    upgrade(owner, pause=end_the_report)
    assert upgraded == [1]
    reader.close()


def test_rights_that_were_changed_by_hand_are_not_taken_for_rights(v1: Database) -> None:
    owner = v1.connect()
    owner.execute("grant select on ledger.events to ledger_client")
    owner.execute("revoke execute on function ledger.push from ledger_client")
    upgrade(owner)
    row = owner.execute("""
        select has_table_privilege('app_alice', 'ledger.events', 'select') as reads,
               bool_and(has_function_privilege('app_alice', p.oid, 'execute')) as pushes
        from pg_proc p where p.pronamespace = 'ledger'::regnamespace and p.proname = 'push'
    """).fetchone()
    assert row == {"reads": False, "pushes": True}
