"""Connections of a long-running service: they break, and are made again."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self, TypeVar

import psycopg
from psycopg.rows import tuple_row
from tenacity import AsyncRetrying, RetryCallState

from ledger.errors import ServerUnreachable, one_line
from ledger.postgres.database import connect_async, is_transient, retrying
from ledger.postgres.store.errors import translated

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

logger = logging.getLogger(__name__)
T = TypeVar("T")
Row = tuple[Any, ...]

LONGEST_WAIT_S: Final = 2.0
"""Between two attempts to reach the server: as long as the service may be blind after Postgres is back."""
PAUSE_AFTER_BREAK_S: Final = 0.1
PATIENCE_S: Final = 5.0
"""Who has no answer for so long tries another connection: the session may be frozen."""


def hang_up(connection: Connection[Any] | AsyncConnection[Any]) -> None:
    """Shut a connection's socket, from any thread: whoever waits for an answer hears at once that there is none.

    Cancelling would not do. It waits for the server to agree, and what does not answer does not agree either.
    """
    with suppress(OSError, psycopg.Error), socket.socket(fileno=socket.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


class Watch:
    """Hangs up where a statement has no answer for ``PATIENCE_S``, and on the next connection for twice as long.

    And so on, until one has answered for as long as that: so what is only slow gets its answer in the end, and the
    sessions that are left behind meanwhile are few.
    """

    def __init__(self, role: str) -> None:
        self._role = role
        self._patience_s = PATIENCE_S
        self._connection: AsyncConnection[Any] | None = None
        self._since = 0.0

    @contextmanager
    def over(self, connection: AsyncConnection[Any]) -> Iterator[None]:
        """Watch over one statement."""
        loop = asyncio.get_running_loop()
        if connection is not self._connection:
            self._connection, self._since = connection, loop.time()
        timer = loop.call_later(self._patience_s, self._give_up, connection)
        try:
            yield
        finally:
            timer.cancel()
        if loop.time() - self._since > self._patience_s:
            self._patience_s = PATIENCE_S

    def over_each(self, connection: AsyncConnection[Any]) -> None:
        """Watch over each statement of this connection from now on, and over no waiting for notifications."""
        watch = self

        class Watched(psycopg.AsyncCursor[Any]):
            async def execute(self, *arguments: Any, **options: Any) -> Self:
                with watch.over(connection):
                    return await super().execute(*arguments, **options)

        connection.cursor_factory = Watched

    def _give_up(self, connection: AsyncConnection[Any]) -> None:
        logger.warning("%s: no answer for %g s, trying another connection", self._role, self._patience_s)
        self._patience_s *= 2
        hang_up(connection)


def keep_trying(what: str) -> AsyncRetrying:
    """The one retry policy, for asyncio and for ever. Each failure is logged once."""

    def log(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.warning("%s: no answer from Postgres, trying again: %s", what, one_line(error))

    policy = retrying(max_wait_s=LONGEST_WAIT_S)
    return AsyncRetrying(retry=policy.retry, wait=policy.wait, stop=policy.stop, before_sleep=log, reraise=True)


async def stay_connected(dsn: str, role: str, work: Callable[[AsyncConnection[Any]], Awaitable[None]]) -> None:
    """Run ``work`` on a connection; when that breaks, again on a new one. Returns when ``work`` does.

    Raises what is not transient.
    """
    watch = Watch(role)
    while True:
        connection: AsyncConnection[Any] = await keep_trying(role)(
            connect_async, dsn, application_name=f"jobledger {role}"
        )
        watch.over_each(connection)
        try:
            async with connection:
                return await work(connection)
        except psycopg.Error as error:
            if not is_transient(error):
                raise translated(error) from error
            logger.warning("%s: interrupted: %s", role, one_line(error))
        await asyncio.sleep(PAUSE_AFTER_BREAK_S)


class Link:
    """One connection, made when it is first needed and again when it broke. One statement at a time.

    It raises the port's errors, where there is one for the driver's.
    """

    def __init__(self, dsn: str, role: str) -> None:
        self._dsn = dsn
        self._role = role
        self._connection: AsyncConnection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._watch = Watch(role)

    @property
    def backend_pid(self) -> int | None:
        """The server's process of the connection, while there is one."""
        return self._connection.info.backend_pid if self._connection is not None else None

    async def fetch(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement that is harmless to repeat, and give its rows. Transient trouble is waited out."""
        try:
            return await self.fetch_once(query, parameters)
        except ServerUnreachable as error:
            logger.warning("%s: interrupted: %s", self._role, one_line(error))
        return await keep_trying(self._role)(self.fetch_once, query, parameters)

    async def fetch_once(self, query: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement once. When it fails with a broken connection, nobody knows whether it took effect."""
        async with self._one_at_a_time:
            try:
                connection = await self._open()
                with self._watch.over(connection):
                    async with connection.cursor(row_factory=tuple_row) as cursor:
                        await cursor.execute(query, parameters)
                        return await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                goes_on = self._connection is not None and not self._connection.closed
                raise translated(error, session_goes_on=goes_on) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run the statements of the block in one transaction."""
        try:
            async with (await self._open()).transaction():
                yield
        except psycopg.Error as error:
            raise translated(error) from error

    async def open(self) -> None:
        """Connect now, so that the first statement need not wait for it."""
        async with self._one_at_a_time:
            await keep_trying(self._role)(self._open)

    async def _open(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await connect_async(self._dsn, application_name=f"jobledger {self._role}")
        return self._connection

    async def close(self) -> None:
        """Let the connection go; the next statement makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
