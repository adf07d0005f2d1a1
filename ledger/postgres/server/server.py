"""``PostgresServer``: what a client holds of a ledger in Postgres."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.errors import LedgerError, NotALedger, ServerUnreachable, SyncRefused, one_line
from ledger.model.protocol import HelloReply, PushReply
from ledger.ports.server import EventColumns, Page, Wakeable, never
from ledger.postgres.database import is_pooled, is_transient
from ledger.postgres.server import statements
from ledger.postgres.server.connection import InterruptibleConnection, open_connection
from ledger.postgres.session import settle

_NOTHING_THERE: Final = (
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedTable,
)


class PostgresServer:
    """The port ``Server`` on one connection, which it closes. ``listen``: news are to be announced.

    A connection that is ``fresh`` is settled by the first ``hello``: by then, ``cut`` ends whatever hangs.
    """

    def __init__(self, connection: Connection[DictRow], *, listen: bool = False, fresh: bool = False) -> None:
        self.announces = listen
        self._connection = connection
        self._listen = listen
        self._fresh = fresh
        self._knows_hello = True
        self._news = False

    def hello(self, on_behalf_of: str | None = None) -> HelloReply:
        with translating():
            self._begin()
            if self._knows_hello:
                try:
                    return statements.hello(self._connection, on_behalf_of)
                except psycopg.errors.UndefinedFunction:
                    self._knows_hello = False  # a server of version 1: it is asked once a session
            return statements.hello_before(self._connection, on_behalf_of)

    def push(self, replica_id: UUID, base_seq: int, events: EventColumns, on_behalf_of: str | None = None) -> PushReply:
        with translating():
            return statements.push(self._connection, replica_id, base_seq, events, on_behalf_of)

    def pull(
        self, after_seq: int, epoch: UUID | None, max_events: int, max_bytes: int, on_behalf_of: str | None = None
    ) -> Page:
        self._news = False  # what was announced until now is in this page, or in those that follow it
        with translating():
            return statements.pull(self._connection, after_seq, epoch, max_events, max_bytes, on_behalf_of)

    def wait_for_news(self, timeout_s: float, wake: Wakeable) -> bool:
        if not self._news:
            with translating(), selectors.DefaultSelector() as selector:
                selector.register(wake.fileno(), selectors.EVENT_READ)
                theirs = selector.register(self._connection.fileno(), selectors.EVENT_READ)
                if any(key is theirs for key, _ in selector.select(timeout_s)):
                    self._take_in()
        news, self._news = self._news, False
        return news

    def cut(self) -> None:
        if isinstance(self._connection, InterruptibleConnection):
            self._connection.cut()

    def close(self) -> None:
        self._connection.close()

    def _begin(self) -> None:
        if self._fresh:
            settle(self._connection)
            self._fresh = False
        if self._listen:
            self._listen = False
            # notifications do not come through a pooler, and a LISTEN would be left to strangers
            self.announces = not is_pooled(self._connection)
            if self.announces:
                self._connection.add_notify_handler(self._note_news)
                self._connection.execute("listen ledger_feed")

    def _take_in(self) -> None:
        pgconn = self._connection.pgconn
        pgconn.consume_input()  # raises where the server has gone
        while pgconn.notifies():
            self._news = True

    def _note_news(self, _: Any) -> None:
        self._news = True


def open_postgres(dsn: str, listen: bool = False, stopped: Callable[[], bool] = never) -> PostgresServer:
    """Connect to ``dsn``. Raises what ``ledger.servers.open_server`` does."""
    return PostgresServer(open_connection(dsn, stopped), listen=listen, fresh=True)


@contextmanager
def translating() -> Iterator[None]:
    """Say what Postgres means by an error, in the port's words."""
    try:
        yield
    except psycopg.Error as error:
        if is_transient(error):
            raise ServerUnreachable(
                f"the connection to Postgres broke: {one_line(error)}", hint="nothing is lost; sync again"
            ) from error
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise SyncRefused("not_allowed", one_line(error)) from error
        if isinstance(error, _NOTHING_THERE):
            raise NotALedger("this database has no job ledger", hint="install it: jobledger init") from error
        raise LedgerError(f"Postgres answered: {one_line(error)}", hint="nothing is lost; sync again later") from error
