"""What a session of ours depends on, it says itself: no environment, role or database decides it (P15).

One statement after the login, one round trip. A pooler in transaction mode lends a session for one transaction: there
nothing is left behind, and each statement becomes a transaction that says it all again, at two round trips more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import psycopg
from psycopg import pq
from psycopg.rows import tuple_row

from ledger.errors import LedgerError
from ledger.postgres.dsn import ENCODING

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

SETTINGS: Final = {
    # how texts are read and written
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "array_nulls": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "xmloption": "content",
    # what names mean, and which rows there are
    "search_path": "pg_catalog, pg_temp",
    "row_security": "on",
    # what a transaction is
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # how long anything may take is for those who wait to decide
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "exit_on_error": "off",
}
_SINCE_17: Final = {"transaction_timeout": "0"}


def _settle(settings: dict[str, str], is_local: str) -> bytes:
    each = ", ".join(f"pg_catalog.set_config('{name}', '{value}', {is_local})" for name, value in settings.items())
    return f"select pg_catalog.pg_backend_pid(), {each}".encode()


_UNLESS_POOLED: Final = "pg_catalog.pg_backend_pid() operator(pg_catalog.<>) %(told)s::pg_catalog.int4"
_STATEMENTS: Final = {
    (since_17, is_local): _settle(SETTINGS | _SINCE_17 if since_17 else SETTINGS, is_local)
    for since_17 in (False, True)
    for is_local in ("false", "true", _UNLESS_POOLED)
}
_BEGIN: Final = b"begin isolation level read committed read write not deferrable; "


class PooledCursor(psycopg.Cursor[Any]):
    """A cursor on a connection that may have another session for each transaction."""

    def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Execute it; outside a transaction, in one of its own with our settings."""
        connection: Connection[Any] = self.connection
        if not _is_idle(connection):
            return super().execute(query, params, prepare=prepare, binary=binary)
        aside = psycopg.Cursor(connection)
        aside.execute(_BEGIN + _statement(connection, "true"))
        try:
            super().execute(query, params, prepare=prepare, binary=binary)
        except psycopg.Error:
            if not connection.closed:
                aside.execute("rollback")
            raise
        aside.execute("commit")
        return self


def settle(connection: Connection[Any]) -> None:
    """Make the session independent of what was set for it. Raises LedgerError where the database is not UTF-8."""
    insist_on_utf8(connection)
    told = connection.info.backend_pid
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(_statement(connection, _UNLESS_POOLED), {"told": told}, prepare=False).fetchone()
    assert row is not None, "a select without a from clause has one row"
    if row[0] != told:
        connection.cursor_factory = PooledCursor


async def settle_async(connection: AsyncConnection[Any]) -> None:
    """As ``settle``, for a session that is known to be one's own."""
    insist_on_utf8(connection)
    await connection.execute(_statement(connection, "false"), prepare=False)


def _is_idle(connection: Connection[Any]) -> bool:
    return connection.info.transaction_status == pq.TransactionStatus.IDLE


def _statement(connection: Connection[Any] | AsyncConnection[Any], is_local: str) -> bytes:
    return _STATEMENTS[connection.info.server_version >= 170_000, is_local]


def insist_on_utf8(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Raise LedgerError where the database cannot hold every text."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in (ENCODING, None):  # None: a pooler that does not pass it on
        raise LedgerError(
            f"this database stores text as {encoding}, which cannot hold every text",
            hint="use one that was created with: createdb --encoding=UTF8 --template=template0",
        )
