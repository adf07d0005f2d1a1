"""Reaching Postgres: connections, and which errors are worth another try.

psycopg is imported when a connection is made, not before: an app that is offline never pays for it, and does not even
need libpq.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ledger.errors import LedgerError, ServerUnreachable
from ledger.postgres.dsn import ENCODING, no_session
from ledger.postgres.forks import keep_from_children
from ledger.retrying import retrying_if

if TYPE_CHECKING:
    import psycopg
    from psycopg import AsyncConnection, Connection
    from psycopg.rows import DictRow
    from tenacity import RetryCallState, Retrying

    Session: TypeAlias = Connection[DictRow]
    """A connection as ``connect`` gives it, for those who pass one on and need not know the driver."""

CONNECT_TIMEOUT_S: Final = 10
TRANSIENT: Final = ("08", "40", "53", "57P", "57014", "55P03")
"""SQLSTATEs, or how they begin, after which the same call may succeed: connection, rollback, resources, operator
intervention; and a statement that was cancelled from outside, or waited for a lock for as long as its role may."""


def is_transient(error: BaseException) -> bool:
    """Whether trying again can help: trouble with the connection or the server's moment, never with the data."""
    import psycopg

    if isinstance(error, ServerUnreachable):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        # libpq's own errors carry no SQLSTATE: the connection broke, or was never made
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(TRANSIENT) or _is_full_queue(error)


def _is_full_queue(error: psycopg.Error) -> bool:
    """Whether a commit was refused as the cluster's queue of notifications is full; others fill it, and empty it.

    Its SQLSTATE is that of data which is too large. The message may be in any language, but not the name of the file.
    """
    return error.sqlstate == "54000" and (error.diag.source_file or "").endswith("async.c")


def retrying(
    *,
    attempts: int | None = None,
    max_wait_s: float = 30.0,
    before_sleep: Callable[[RetryCallState], None] | None = None,
) -> Retrying:
    """Try again after transient errors, as ``ledger.retrying`` says."""
    return retrying_if(is_transient, attempts=attempts, max_wait_s=max_wait_s, before_sleep=before_sleep)


def connect(dsn: str, *, application_name: str = "jobledger", autocommit: bool = True) -> Connection[DictRow]:
    """Connect to ``dsn`` (a URL or libpq keywords; "" takes everything from libpq's own variables). Rows are dicts.

    Raises ``ServerUnreachable`` when no session could be had, with libpq's reason; its kind ``LoginRefused`` when the
    server answered, and said no.

    Nothing is prepared on the server: a pooler in transaction mode would have the next statement look for it in
    another session.
    """
    need_libpq()
    import psycopg
    from psycopg.rows import dict_row

    from ledger.postgres.session import settle

    try:
        connection = psycopg.connect(dsn, row_factory=dict_row, prepare_threshold=None, **_options(application_name))
        keep_from_children(connection)
        try:
            settle(connection)
        except BaseException:
            connection.close()
            raise
        connection.autocommit = autocommit
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise no_session(error, dsn) from None  # the cause would show what this leaves out
    return connection


async def connect_async(
    dsn: str, *, application_name: str = "jobledger", settled: bool = True
) -> AsyncConnection[DictRow]:
    """As ``connect``, for asyncio, and for a session of one's own: statements are prepared when they come again.

    Whether it is one's own can be asked of a connection that is not ``settled``: it leaves nothing behind.
    """
    need_libpq()
    import psycopg
    from psycopg.rows import dict_row

    from ledger.postgres.session import settle_async

    try:
        connection = await psycopg.AsyncConnection.connect(dsn, row_factory=dict_row, **_options(application_name))
        keep_from_children(connection)
        try:
            if settled:
                await settle_async(connection)
        except BaseException:
            await connection.close()
            raise
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise no_session(error, dsn) from None  # the cause would show what this leaves out
    return connection


def is_pooled(connection: Connection[DictRow]) -> bool:
    """Whether something stands between us and Postgres that logs in for itself, as pgbouncer does.

    Such a thing hands out keys of its own for cancelling, so the process number of the login is not the session's.
    Whether it also lends one session to several clients (transaction mode) cannot be told from here. If it does,
    notifications never arrive, and what is left in a session (LISTEN, locks) is left to strangers.
    """
    from ledger.postgres.session import PooledCursor

    return issubclass(connection.cursor_factory, PooledCursor)


def need_libpq() -> None:
    """Raise LedgerError where psycopg cannot be imported."""
    try:
        import psycopg  # noqa: F401  only whether it can be
    except ImportError as error:
        raise LedgerError(
            "psycopg finds no libpq on this machine",
            hint='install libpq, or the extra: pip install "jobledger[binary]"',
        ) from error


def _options(application_name: str) -> dict[str, Any]:
    return {
        "application_name": application_name,
        "autocommit": True,
        "client_encoding": ENCODING,
        "connect_timeout": CONNECT_TIMEOUT_S,
    }
