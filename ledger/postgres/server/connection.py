"""A connection that ends when it is told to, whatever the server does meanwhile.

psycopg waits in two places for as long as the server likes: while it connects, and, when interrupted, for the answer
to its request to cancel. Here nothing has to be waited for: what the server did unheard is sent again, and counts once.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, TypeVar

import psycopg
from psycopg import pq, waiting
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from ledger.errors import LedgerError
from ledger.ports.server import never
from ledger.postgres.database import CONNECT_TIMEOUT_S
from ledger.postgres.dsn import ENCODING, no_session, with_defaults

T = TypeVar("T")
_LOOK_EVERY_S: Final = 0.1
# A network that vanished without a word is noticed within half a minute, not after the kernel's quarter of an hour.
_STEADY: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class InterruptibleConnection(psycopg.Connection[DictRow]):
    """A connection in autocommit mode, with nothing prepared on the server. Rows are dicts."""

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        super().__init__(pgconn, row_factory=dict_row)
        self.autocommit = True
        self.prepare_threshold = None
        # a descriptor of our own: libpq's may be closed, and its number given to another file, at any moment
        self._twin = socket.socket(fileno=socket.dup(pgconn.socket))
        self._twins = threading.Lock()

    def cut(self) -> None:
        """Make whatever waits for the server fail at once. From any thread."""
        with self._twins, suppress(OSError):
            self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; calling again does nothing."""
        super().close()
        with self._twins:
            self._twin.close()

    def wait(self, gen: PQGen[T], interval: float = _LOOK_EVERY_S, timeout: float | None = None) -> T:
        """As psycopg's, but an interruption ends the session instead of asking the server to cancel."""
        options = {} if timeout is None else {"timeout": timeout}  # which psycopg 3.2 does not know
        try:
            return waiting.wait(gen, self.pgconn.socket, interval=interval, **options)
        except (KeyboardInterrupt, SystemExit):
            self.close()
            raise


def open_connection(dsn: str, stopped: Callable[[], bool] = never) -> InterruptibleConnection:
    """Connect to ``dsn``; of several hosts, to the first that lets us in. Gives up soon after ``stopped`` says so.

    The connection is not settled yet (``ledger.postgres.session``): from that statement on, ``cut`` ends
    whatever hangs. Raises what ``ledger.postgres.database.connect`` does.
    """
    try:
        given = make_conninfo(with_defaults(dsn, _STEADY), application_name="jobledger sync", client_encoding=ENCODING)
        hosts = list(_hosts(given))
    except psycopg.ProgrammingError as error:
        raise no_session(error, dsn) from None  # the cause would show what this leaves out
    for host in hosts[:-1]:
        with suppress(LedgerError):
            return _open(host, dsn, stopped)
    return _open(hosts[-1], dsn, stopped)


def _open(conninfo: str, dsn: str, stopped: Callable[[], bool]) -> InterruptibleConnection:
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    try:
        _finish_login(pgconn, stopped)
        pgconn.nonblocking = 1
        return InterruptibleConnection(pgconn)
    except psycopg.OperationalError as error:
        pgconn.finish()
        raise no_session(error, dsn) from None


def _finish_login(pgconn: pq.abc.PGconn, stopped: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + CONNECT_TIMEOUT_S
    while pgconn.status != pq.ConnStatus.BAD and (status := pgconn.connect_poll()) != pq.PollingStatus.FAILED:
        if status == pq.PollingStatus.OK:
            return
        with selectors.DefaultSelector() as selector:
            reading = status == pq.PollingStatus.READING
            selector.register(pgconn.socket, selectors.EVENT_READ if reading else selectors.EVENT_WRITE)
            while not selector.select(_LOOK_EVERY_S):
                if stopped():
                    raise psycopg.OperationalError("stopped while connecting")
                if time.monotonic() > give_up_at:
                    raise psycopg.OperationalError(f"no answer within {CONNECT_TIMEOUT_S} s")
    raise psycopg.OperationalError(pgconn.get_error_message())


def _hosts(conninfo: str) -> Iterator[str]:
    """The connection string for each of its hosts. libpq passes one that refuses by itself, but not one that hangs."""
    found = conninfo_to_dict(conninfo)
    lists = {name: str(found[name]).split(",") for name in ("host", "hostaddr", "port") if found.get(name)}
    for n in range(max(map(len, lists.values()), default=1)):
        yield make_conninfo(conninfo, **{name: each[n] if n < len(each) else each[-1] for name, each in lists.items()})
