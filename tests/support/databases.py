"""The servers that the tests start, one test's database, and the login roles that it is used with."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow

from ledger.postgres.database import connect
from ledger.postgres.schema import install

if TYPE_CHECKING:
    from jobledger.embedded import EmbeddedPostgres

LOGINS = {
    "app_alice": "ledger_client",
    "app_bob": "ledger_client",
    "worker": "ledger_processor",
    "auditor": "ledger_auditor",
    "operator": "ledger_operator",
}
PASSWORD = "for-tests-only"
SETUP_LOCK = 5_036_218  # roles belong to the whole server: parallel sessions create them one after the other

MEMORY = Path("/dev/shm")  # noqa: S108 - the server's folder there is a private one
ROOM = 4 << 30
"""What has to be free in memory for a server to be kept there; it takes about a tenth."""
GONE_WITHIN_S = 0.5
"""How long the sessions of a database get to end by themselves before it is dropped."""


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
        connection = connect(self.dsn if user is None else self.dsn_as(user))
        connection.execute("reset search_path")  # tests make things of their own, outside the ledger
        connection.autocommit = autocommit
        self._opened.callback(connection.close)
        return connection


def place_for_servers() -> Path | None:
    """Where the tests' servers live: what LEDGER_TEST_FOLDER names, else in memory if there is room, else on disk.

    A database has 300 files, and each test gets one of its own: on disk, that is most of the suite's time. No test
    cuts the power, and what a killed process has written stays in memory as it would on disk, so nothing that a test
    says of durability depends on the place.
    """
    if given := os.environ.get("LEDGER_TEST_FOLDER"):
        return Path(given)
    try:
        flags, free = os.statvfs(MEMORY).f_flag, shutil.disk_usage(MEMORY).free
    except OSError:
        return None  # not on this system
    return MEMORY if free >= ROOM and not flags & os.ST_NOEXEC else None  # the server's programs may be copied there


@contextmanager
def throwaway_postgres(
    settings: Mapping[str, str] | None = None, *, durable: bool = False, port: int | None = None
) -> Iterator[EmbeddedPostgres]:
    """A server of the tests' own: the session's, which is ``durable``, or one more for what needs a server to itself.

    One that is not ``durable`` waits for no disk; a process that is killed loses nothing by that.
    """
    from jobledger.embedded import temporary_postgres  # not on Windows, where LEDGER_TEST_DSN names a server

    given = {**(settings or {})} if durable else {"fsync": "off", **(settings or {})}
    with temporary_postgres(given, port=port, below=place_for_servers()) as server:
        yield server


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
        drop_database(admin, name)


@contextmanager
def new_database(server: str, template: str) -> Iterator[Database]:
    """A copy of the template, dropped at the end whoever is still connected."""
    name = f"ledger_test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {} strategy {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(fastest_strategy(admin))
            )
        )
        try:
            with ExitStack() as opened:
                yield Database(make_conninfo(server, dbname=name), opened)
        finally:
            drop_database(admin, name)


def fastest_strategy(admin: psycopg.Connection[tuple[object, ...]]) -> str:
    """How to copy a small database: through the log saves two checkpoints, which cost nothing in memory."""
    row = admin.execute("select current_setting('data_directory')").fetchone()
    assert row is not None
    return "file_copy" if Path(str(row[0])).is_relative_to(MEMORY) else "wal_log"


def drop_database(admin: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Drop it, whoever is still connected.

    Sessions that were closed just now get a moment to go: seen by ``drop database``, they cost it 100 ms of sleep.
    """
    deadline = time.monotonic() + GONE_WITHIN_S
    sessions = "select from pg_stat_activity where datname = %(name)s limit 1"
    while admin.execute(sessions, {"name": name}).fetchone() and time.monotonic() < deadline:
        time.sleep(0.001)
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
