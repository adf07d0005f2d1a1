"""A real PostgreSQL for the tests: one server a session, one database a test.

The server is the embedded one, or the one that LEDGER_TEST_DSN names (a superuser's DSN; its login roles
``app_alice``, ``app_bob``, ``worker``, ``auditor`` and ``operator`` get a known password and stay there afterwards).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from ledger.database import connect

LOGINS = {
    "app_alice": "ledger_client",
    "app_bob": "ledger_client",
    "worker": "ledger_processor",
    "auditor": "ledger_auditor",
    "operator": "ledger_operator",
}
PASSWORD = "for-tests-only"
SETUP_LOCK = 5_036_218  # roles belong to the whole server: parallel sessions create them one after the other


class Database:
    """One test's database, with the schema installed. Connections it opened are closed after the test."""

    def __init__(self, dsn: str, opened: ExitStack) -> None:
        self.dsn = dsn
        self._opened = opened

    def dsn_as(self, user: str) -> str:
        """The DSN for one of the login roles."""
        return make_conninfo(self.dsn, user=user, password=PASSWORD)

    def connect(self, user: str | None = None, *, autocommit: bool = True) -> psycopg.Connection[DictRow]:
        """A connection as the owner, or as one of the login roles. Rows are dicts."""
        connection = connect(self.dsn if user is None else self.dsn_as(user), autocommit=autocommit)
        self._opened.callback(connection.close)
        return connection


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The superuser's DSN of the session's server."""
    if given := os.environ.get("LEDGER_TEST_DSN"):
        yield given
        return
    from jobledger.embedded import temporary_postgres

    with temporary_postgres() as server:
        yield server.dsn()


@pytest.fixture(scope="session")
def template(postgres_dsn: str) -> Iterator[str]:
    """The name of a database with the schema installed, which is only ever copied."""
    from ledger.schema import install

    name = f"ledger_template_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%(key)s)", {"key": SETUP_LOCK})
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with psycopg.connect(make_conninfo(postgres_dsn, dbname=name)) as connection:
            install(connection)
        for login, group in LOGINS.items():
            _create_login(admin, login, group)
        admin.execute("select pg_advisory_unlock(%(key)s)", {"key": SETUP_LOCK})
    yield name
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres_dsn: str, template: str) -> Iterator[Database]:
    """A new database with the schema installed, dropped after the test whoever is still connected."""
    name = f"ledger_test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        # wal_log needs no checkpoint: for a small template it is the faster of the two strategies.
        admin.execute(
            sql.SQL("create database {} template {} strategy wal_log").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            with ExitStack() as opened:
                yield Database(make_conninfo(postgres_dsn, dbname=name), opened)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _create_login(admin: psycopg.Connection[Any], login: str, group: str) -> None:
    exists = admin.execute("select 1 from pg_roles where rolname = %(login)s", {"login": login}).fetchone()
    if not exists:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
    admin.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(login), sql.Literal(PASSWORD)))
    member = admin.execute(
        "select pg_has_role(%(login)s, %(group)s, 'member')", {"login": login, "group": group}
    ).fetchone()
    if member != (True,):
        admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(login)))
