"""Logins and their groups: ``jobledger grant`` and ``jobledger revoke``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import psycopg
import pytest
from click.testing import CliRunner
from databases import Database
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jobledger.admin.grants import EVERYONE, GROUPS, grant, revoke
from jobledger.verbs.grant import command as grant_verb
from jobledger.verbs.grant import read_password
from jobledger.verbs.revoke import command as revoke_verb
from ledger.errors import Conflict, InvalidEvent, JobNotFound, LedgerError, NotALedger
from ledger.postgres import rights
from ledger.postgres.admin.logins import SINGLE_GRANT_OPTIONS
from ledger.postgres.database import connect
from ledger.postgres.schema import install

PASSWORD = 'it\'s "quoted" \\ and ü'


@contextmanager
def dropped(database: Database, *names: str) -> Iterator[None]:
    """Roles belong to the whole server: what a test makes goes with it."""
    try:
        yield
    finally:
        owner = database.connect()
        for name in names:
            owner.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


@pytest.fixture
def name(database: Database) -> Iterator[str]:
    """A name that no one has, and that needs quoting."""
    name = f'New "login"; drop {uuid4().hex}'
    with dropped(database, name):
        yield name


def make_role(database: Database, name: str, attributes: str) -> None:
    database.connect().execute(sql.SQL("create role {} " + attributes).format(sql.Identifier(name)))


@pytest.mark.parametrize("group", GROUPS)
def test_a_new_login_has_the_groups_rights_and_nothing_else(database: Database, name: str, group: str) -> None:
    owner = database.connect()
    done = grant(owner, group, name, PASSWORD)
    assert (done.created, done.granted, done.password_set) == (True, True, True)
    attributes = owner.execute(
        """
        select rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
        from pg_roles where rolname = %(name)s
        """,
        {"name": name},
    ).fetchone()
    assert attributes is not None
    assert list(attributes.values()) == [True, True, False, False, False, False, False]
    with connect(make_conninfo(database.dsn, user=name, password=PASSWORD)) as session:
        seen = session.execute(
            "select session_user::text as me, has_schema_privilege('ledger', 'usage') as may"
        ).fetchone()
        assert seen == {"me": name, "may": True}
        if session.info.server_version >= SINGLE_GRANT_OPTIONS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(sql.SQL("set role {}").format(sql.Identifier(GROUPS[group])))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(sql.SQL("grant {} to app_bob").format(sql.Identifier(GROUPS[group])))


def test_a_client_submits_and_after_the_revocation_does_not(database: Database, name: str) -> None:
    owner = database.connect()
    grant(owner, "client", name, PASSWORD)
    with connect(make_conninfo(database.dsn, user=name, password=PASSWORD)) as session:
        session.execute("select ledger.submit('x')")
        assert revoke(owner, "client", name).revoked
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("select ledger.submit('x')")
    assert owner.execute("select owner from ledger.events").fetchall() == [{"owner": name}]


def test_a_client_acts_on_behalf_of_an_owner_as_long_as_it_may(database: Database, name: str) -> None:
    owner = database.connect()
    assert grant(owner, "client", name, PASSWORD, on_behalf_of="carol").delegated
    assert not grant(owner, "client", name, on_behalf_of="carol").delegated
    with connect(make_conninfo(database.dsn, user=name, password=PASSWORD)) as session:
        session.execute("select ledger.submit('x', on_behalf_of => 'carol')")
        assert revoke(owner, "client", name, on_behalf_of="carol").delegated
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("select ledger.submit('x', on_behalf_of => 'carol')")
        session.execute("select ledger.submit('x')")
    grant(owner, "client", name, on_behalf_of=EVERYONE)
    revoke(owner, "client", name)
    assert owner.execute("select * from ledger.delegations").fetchall() == [], "nothing is left for a later grant"
    names = owner.execute("select owner, actor from ledger.events where type = 'job.requested'").fetchall()
    assert names == [{"owner": "carol", "actor": name}, {"owner": name, "actor": name}]


@pytest.mark.parametrize(("group", "whom"), [("auditor", "carol"), ("client", ""), ("client", "c" * 201)])
def test_what_cannot_be_delegated(database: Database, name: str, group: str, whom: str) -> None:
    with pytest.raises(InvalidEvent):
        grant(database.connect(), group, name, PASSWORD, on_behalf_of=whom)
    assert database.connect().execute("select 1 from pg_roles where rolname = %(n)s", {"n": name}).fetchone() is None


def test_again_changes_nothing(database: Database, name: str) -> None:
    owner = database.connect()
    grant(owner, "client", name, PASSWORD)
    before = owner.execute("select * from pg_authid where rolname = %(name)s", {"name": name}).fetchone()
    done = grant(owner, "client", name)
    assert (done.created, done.granted, done.password_set) == (False, False, False)
    assert owner.execute("select * from pg_authid where rolname = %(name)s", {"name": name}).fetchone() == before
    assert revoke(owner, "client", name).revoked
    assert not revoke(owner, "client", name).revoked


def test_the_password_is_kept_and_sent_as_a_verifier(database: Database, name: str) -> None:
    owner = database.connect()
    grant(owner, "client", name, PASSWORD)
    row = owner.execute("select rolpassword from pg_authid where rolname = %(name)s", {"name": name}).fetchone()
    assert row is not None
    assert row["rolpassword"].startswith("SCRAM-SHA-256$")
    last = owner.execute("select query from pg_stat_activity where pid = pg_backend_pid()").fetchone()
    assert PASSWORD not in str(last)


@pytest.mark.parametrize(
    "attributes",
    ["superuser login", "login bypassrls", "login replication", "login createrole", "login createdb", "nologin"],
)
def test_a_role_with_other_power_is_refused(database: Database, name: str, attributes: str) -> None:
    make_role(database, name, attributes)
    owner = database.connect()
    with pytest.raises(Conflict):
        grant(owner, "client", name, PASSWORD)
    row = owner.execute("select rolpassword from pg_authid where rolname = %(name)s", {"name": name}).fetchone()
    assert row == {"rolpassword": None}


def test_the_owner_of_the_ledger_is_refused(database: Database, name: str) -> None:
    make_role(database, name, "login")
    owner = database.connect()
    previous = owner.execute("select current_user::text as me").fetchone()
    assert previous is not None
    owner.execute(sql.SQL("alter schema ledger owner to {}").format(sql.Identifier(name)))
    try:
        with pytest.raises(Conflict, match="owner of the ledger"):
            grant(owner, "client", name)
    finally:
        owner.execute(sql.SQL("alter schema ledger owner to {}").format(sql.Identifier(previous["me"])))


@pytest.mark.parametrize("refused", [*GROUPS.values(), "pg_monitor", "pg_new", "public"])
def test_groups_and_names_of_postgres_are_refused(database: Database, refused: str) -> None:
    with pytest.raises(Conflict):
        grant(database.connect(), "client", refused)


@pytest.mark.parametrize("bad", ["", "x" * 64, "ü" * 32, "a\0b"])
def test_a_name_that_postgres_would_cut_is_refused(database: Database, bad: str) -> None:
    with pytest.raises(InvalidEvent):
        grant(database.connect(), "client", bad)


def test_a_login_is_in_one_group(database: Database, name: str) -> None:
    owner = database.connect()
    grant(owner, "client", name)
    with pytest.raises(Conflict, match="in ledger_client already"):
        grant(owner, "processor", name)


def test_a_group_by_way_of_another_role_counts(database: Database, name: str) -> None:
    owner = database.connect()
    with dropped(database, f"{name[:50]}x"):
        make_role(database, f"{name[:50]}x", "nologin in role ledger_operator")
        make_role(database, name, sql.SQL("login in role {}").format(sql.Identifier(f"{name[:50]}x")).as_string(owner))
        with pytest.raises(Conflict, match="ledger_operator"):
            grant(owner, "client", name)
        with pytest.raises(Conflict, match="by way of another role"):
            revoke(owner, "operator", name)


@pytest.mark.parametrize(
    "predefined", ["pg_write_all_data", "pg_read_all_data", "pg_execute_server_program", "pg_monitor"]
)
def test_a_member_of_a_predefined_role_is_no_client(database: Database, name: str, predefined: str) -> None:
    make_role(database, name, f"login in role {predefined}")
    owner = database.connect()
    with pytest.raises(Conflict, match=predefined):
        grant(owner, "client", name)
    if predefined == "pg_monitor":
        assert grant(owner, "auditor", name).granted, "who may read all may also see what the server does"
    else:
        with pytest.raises(Conflict, match=predefined):
            grant(owner, "auditor", name)


def test_a_predefined_role_by_way_of_another_counts(database: Database, name: str) -> None:
    between, owner = f"{name[:50]}x", database.connect()
    with dropped(database, between):
        make_role(database, between, "nologin in role pg_write_server_files")
        make_role(database, name, sql.SQL("login in role {}").format(sql.Identifier(between)).as_string(owner))
        with pytest.raises(Conflict, match="pg_write_server_files"):
            grant(owner, "processor", name)


def test_the_owner_of_the_database_is_refused(database: Database, name: str) -> None:
    make_role(database, name, "login")
    owner = database.connect()
    here = sql.Identifier(owner.info.dbname)
    owner.execute(sql.SQL("alter database {} owner to {}").format(here, sql.Identifier(name)))
    try:
        with pytest.raises(Conflict, match="pg_database_owner"):
            grant(owner, "client", name)
    finally:
        owner.execute(sql.SQL("alter database {} owner to current_user").format(here))


def test_strangers_locks_keep_nobody_from_granting(database: Database, name: str) -> None:
    """Anyone who can log in can take any advisory lock."""
    stranger = database.connect("app_alice")
    stranger.execute(
        "select pg_advisory_lock(hashtext('jobledger grant')), pg_advisory_lock(hashtext('jobledger install'))"
    )
    owner = database.connect()
    owner.execute("set lock_timeout = '2s'")
    assert grant(owner, "client", name).created
    assert revoke(owner, "client", name).revoked
    assert install(owner) is False


def test_a_grant_waits_for_another_one_but_not_for_ever(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "LOCK_TIMEOUT", "100ms")
    other = database.connect(autocommit=False)
    rights.lock_rights(other)
    for change in (grant, revoke):
        with pytest.raises(Conflict, match="longer than 100ms"):
            change(database.connect(), "client", name)
    other.rollback()
    assert grant(database.connect(), "client", name).created


def test_only_who_may_grant_grants(database: Database, name: str) -> None:
    with pytest.raises(LedgerError, match="may not"):
        grant(database.connect("operator"), "client", name)
    with pytest.raises(LedgerError, match="may not"):
        revoke(database.connect("operator"), "client", "app_alice")


def test_what_is_not_there(database: Database, empty_database: Database, name: str) -> None:
    with pytest.raises(JobNotFound):
        revoke(database.connect(), "client", name)
    with pytest.raises(NotALedger):
        grant(empty_database.connect(), "client", name)
    with pytest.raises(LedgerError, match="no group"):
        grant(database.connect(), "root", name)


def typed(command: click.Command, *arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_as_typed(database: Database, name: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n", encoding="utf-8")
    output = typed(grant_verb, "client", name, "--password-file", str(file), "--dsn", database.dsn)
    assert output == f"{name} is in ledger_client (a new login); its password is set\n"
    connect(make_conninfo(database.dsn, user=name, password=PASSWORD)).close()
    done: Any = json.loads(typed(revoke_verb, "client", name, "--json", "--dsn", database.dsn))
    assert done["revoked"] is True


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n"])
def test_a_password_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(InvalidEvent):
        read_password("-")


def test_a_password_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot read the password"):
        read_password(str(tmp_path / "none"))


def test_the_command_offers_every_group() -> None:
    for verb in (grant_verb, revoke_verb):
        [group] = [parameter for parameter in verb.params if parameter.name == "group"]
        assert isinstance(group.type, click.Choice)
        assert list(group.type.choices) == list(GROUPS)
