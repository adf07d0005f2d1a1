"""One test's database, and the login roles that it is used with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from ledger.database import connect
from ledger.schema import install

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


@contextmanager
def new_template(server: str) -> Iterator[str]:
    """The name of a database with the schema installed, which is only ever copied. Makes the login roles too."""
    name = f"ledger_template_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%(key)s)", {"key": SETUP_LOCK})
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with psycopg.connect(make_conninfo(server, dbname=name)) as connection:
            install(connection)
        for login, group in LOGINS.items():
            create_login(admin, login, group)
        admin.execute("select pg_advisory_unlock(%(key)s)", {"key": SETUP_LOCK})
    yield name
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def new_database(server: str, template: str) -> Iterator[Database]:
    """A copy of the template, dropped at the end whoever is still connected."""
    name = f"ledger_test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        # wal_log needs no checkpoint: for a small template it is the faster of the two strategies
        admin.execute(
            sql.SQL("create database {} template {} strategy wal_log").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            with ExitStack() as opened:
                yield Database(make_conninfo(server, dbname=name), opened)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def create_login(admin: psycopg.Connection[tuple[object, ...]], login: str, group: str) -> None:
    """Make a login role of the group, or bring the one that is there into order."""
    exists = admin.execute("select 1 from pg_roles where rolname = %(login)s", {"login": login}).fetchone()
    if not exists:
        admin.execute(sql.SQL("create role {} login").format(sql.Identifier(login)))
    admin.execute(sql.SQL("alter role {} login password {}").format(sql.Identifier(login), sql.Literal(PASSWORD)))
    member = admin.execute(
        "select pg_has_role(%(login)s, %(group)s, 'member')", {"login": login, "group": group}
    ).fetchone()
    if member != (True,):
        admin.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(login)))
