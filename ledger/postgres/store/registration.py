"""That a processor lives: its row, its heartbeat, and the lock that Postgres frees when its session ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg

from ledger.ports.store import Beat
from ledger.postgres.database import connect
from ledger.postgres.store.errors import translated
from ledger.postgres.store.link import hang_up

if TYPE_CHECKING:
    from psycopg import Connection

REGISTER: Final = "select ledger.register_processor(%(processor)s, %(host)s, %(pid)s, %(namespaces)s, %(names)s)"
STOP: Final = "select ledger.stop_processor(%(processor)s)"
BEAT: Final = """
    select ledger.beat(%(processor)s, %(beats)s, %(still)s * interval '1 second') as beats,
           clock_timestamp() as server_time
"""


class Registration:
    """A connection that one thread uses, which is not the event loop's."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection[Any] | None = None

    def register(self, processor: UUID, host: str, pid: int, namespaces: Sequence[str], names: Sequence[str]) -> None:
        with self._session() as connection:
            connection.execute(REGISTER, {
                "processor": processor, "host": host, "pid": pid, "namespaces": list(namespaces), "names": list(names),
            })  # fmt: skip

    def beat(self, processor: UUID, beats: int, loop_still_s: float) -> Beat:
        with self._session() as connection:
            row = connection.execute(BEAT, {"processor": processor, "beats": beats, "still": loop_still_s}).fetchone()
            assert row is not None, "a select without a from clause has one row"
            return Beat(row["beats"], row["server_time"])

    def stop(self, processor: UUID) -> None:
        with self._session() as connection:
            connection.execute(STOP, {"processor": processor})

    def leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def interrupt(self) -> None:
        connection = self._connection
        if connection is not None:
            hang_up(connection)

    @contextmanager
    def _session(self) -> Iterator[Connection[Any]]:
        try:
            if self._connection is None:
                self._connection = connect(self._dsn, application_name="jobledger liveness")
            yield self._connection
        except psycopg.Error as error:
            self.leave()
            raise translated(error) from error
