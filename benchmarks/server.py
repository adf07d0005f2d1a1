"""The Postgres that is measured: one of our own for as long as it takes, or the one behind a DSN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode
from uuid import uuid4

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.cpu import Reading, command_of, parent_of, read_tree
from jobledger.embedded import temporary_postgres
from ledger.errors import LedgerError
from ledger.postgres.database import connect
from ledger.postgres.schema import install

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

DURABLE: Final = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
OWN_SETTINGS: Final = {
    **DURABLE,
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
}
TOLD: Final = ("server_version", *OWN_SETTINGS, "autovacuum", "wal_level")
CONTROL: Final = "benchmark"
"""The application name of the sessions that only look; their time is not counted."""
PASSWORD: Final = "for-benchmarks-only"  # noqa: S105  of roles that live as long as a run


class Server:
    """A server on this machine. ``is_ours``: started for this run."""

    def __init__(self, dsn: str, *, is_ours: bool) -> None:
        self.dsn: Final = dsn
        self.is_ours: Final = is_ours
        with self.look() as connection:
            self.settings: Final = {name: str(value(connection, f"show {name}")) for name in TOLD}
            backend = int(value(connection, "select pg_backend_pid()"))
            parent = parent_of(backend)
            if not command_of(backend).startswith("postgres") or parent is None:
                raise LedgerError(
                    "this server's processes are not to be seen from here", hint="measure a server of this machine"
                )
            self._postmaster: Final = parent
        weak = [name for name, needed in DURABLE.items() if self.settings[name] != needed]
        if weak:
            raise LedgerError(f"this server is not durable: {', '.join(weak)} off", hint="figures would flatter")

    def look(self, dsn: str | None = None) -> Connection[DictRow]:
        """A session for looking, whose own cost is not counted."""
        return connect(self.dsn if dsn is None else dsn, application_name=CONTROL)

    def read_cpu(self) -> Reading:
        """CPU seconds of all of the server's processes, those that have ended among them."""
        return read_tree(self._postmaster)

    def by_purpose(self, spent: Mapping[int | None, float]) -> dict[str, float]:
        """CPU seconds by process as CPU seconds by what the process is for, without those of looking."""
        with self.look() as connection:
            purposes = {
                row["pid"]: row["purpose"]
                for row in connection.execute(
                    """
                    select a.pid, case when a.backend_type = 'client backend' and a.application_name <> ''
                                       then a.application_name else a.backend_type end as purpose
                    from pg_stat_activity a"""
                )
            }
        parts: dict[str, float] = {}
        for pid, seconds in spent.items():
            if pid is None:
                purpose = "ended"
            elif pid == self._postmaster:
                purpose = "postmaster"
            else:
                purpose = purposes.get(pid, "other")
            if purpose != CONTROL and seconds > 0:
                parts[purpose] = parts.get(purpose, 0.0) + seconds
        return parts

    @contextmanager
    def database(self, *, ledger: bool = True, owners: int = 1) -> Iterator[Database]:
        """A new database, dropped at the end; with the ledger installed and its logins made, unless not."""
        name = f"bench_{uuid4().hex[:12]}"
        database = Database(self, make_conninfo(self.dsn, dbname=name), name, owners)
        with self.look() as admin:
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            if ledger:
                database.install()
            yield database
        finally:
            with self.look() as admin:
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
                for login in (*database.apps, database.processor):
                    admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(login)))


class Database:
    """One database, with a login for the processors and one for each owner."""

    def __init__(self, server: Server, dsn: str, name: str, owners: int) -> None:
        self.server: Final = server
        self.dsn: Final = dsn
        self.processor: Final = f"{name}_processor"
        self.apps: Final = [f"{name}_app_{n}" for n in range(owners)]

    def install(self) -> None:
        with self.look() as connection:
            install(connection)
            for login, group in [(self.processor, "ledger_processor"), *((app, "ledger_client") for app in self.apps)]:
                connection.execute(
                    sql.SQL("create role {} login password {} in role {}").format(
                        sql.Identifier(login), sql.Literal(PASSWORD), sql.Identifier(group)
                    )
                )
            connection.execute("select ledger.ensure_epoch()")

    def dsn_as(self, login: str) -> str:
        return make_conninfo(self.dsn, user=login, password=PASSWORD)

    @property
    def url(self) -> str:
        """The superuser's DSN in the form that every driver reads."""
        given = conninfo_to_dict(self.dsn)
        name = quote(str(given.pop("dbname")), safe="")
        return f"postgresql:///{name}?{urlencode(given)}"

    def look(self) -> Connection[DictRow]:
        """A superuser's session, whose own cost is not counted."""
        return self.server.look(self.dsn)

    def settle(self) -> None:
        """Bring the tables into the state that a server at rest would have them in, so that every run starts alike."""
        with self.look() as connection:
            connection.execute("vacuum (analyze)")
            connection.execute("checkpoint")


def value(connection: Connection[DictRow], query: str, **parameters: object) -> Any:
    """The one value of a query's first row; None where there is none."""
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return next(iter(row.values())) if row else None


@contextmanager
def server(dsn: str | None) -> Iterator[Server]:
    """The server to measure. Raises LedgerError for one that is not durable, or not on this machine."""
    with ExitStack() as opened:
        if dsn is None:
            own = opened.enter_context(temporary_postgres(OWN_SETTINGS))
            yield Server(own.dsn(), is_ours=True)
        else:
            yield Server(dsn, is_ours=False)
