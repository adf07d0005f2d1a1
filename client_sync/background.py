"""The sync that goes on by itself: a thread that exchanges whenever there is a reason to.

Reasons are: something was appended here, by this process or another one; the server says that its log grew
(``LISTEN ledger_feed``, a hint only); the poll interval is over; or the last try failed and its wait is over.

A connection pooler that lends sessions for single transactions lets no notification through. Where one may be in
between, nothing listens, and the polls are closer: each time nothing was new, half as long again until the next.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from client_sync import outbox
from client_sync.lock import SyncBusy, sync_lock
from client_sync.replica import Replica
from client_sync.sync import Exchange, Report, SyncResult, note_failure, translating
from ledger.errors import LedgerError, ServerUnreachable

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow
    from tenacity import RetryCallState

LOOK_EVERY_S: Final = 0.25
"""How often to look whether another process has appended something."""
REST_S: Final = 0.05
"""Between two exchanges: a busy server announces more often than anybody can read."""
AFTER_REFUSAL_S: Final = 60.0
"""How long to leave a server alone that has turned this file away."""
MAX_WAIT_S: Final = 30.0
"""Between two tries to reach a server that does not answer."""
POOLED_POLL_S: Final = 1.0
"""Until the first look for news, where the server cannot announce them. Grows up to the poll interval."""
STOP_TIMEOUT_S: Final = 5.0
_LOCK_TIMEOUT_S: Final = 1.0


class BackgroundSync:
    """Starts its thread at once. ``error`` is why it is not getting through; None while all is well.

    ``pooled``: notifications cannot arrive, so news come with the polls only.
    """

    def __init__(self, replica: Replica, dsn: str, *, poll_s: float, report: Report | None = None) -> None:
        self.error: LedgerError | None = None
        self.pooled = False
        self._replica = replica
        self._dsn = dsn
        self._poll_s = poll_s
        self._pooled_poll_s = POOLED_POLL_S
        self._report = report
        self._stopping = threading.Event()
        self._heard = False
        self._tried_upto = 0
        self._connection: Connection[DictRow] | None = None
        self._pid = os.getpid()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._forget = replica.on_change(self._wake)
        # daemon: a server that does not answer must not keep the app from ending
        self._thread = threading.Thread(target=self._run, name=f"sync {replica.path.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What it was doing is finished or undone; takes ``STOP_TIMEOUT_S`` seconds at most."""
        import psycopg

        if self._pid != os.getpid():
            return  # a forked child has no such thread, and the connection is its parent's
        self._stopping.set()
        self._forget()
        self._wake()
        connection = self._connection
        if connection is not None:
            # only to make the end quicker: the thread may be closing the connection at this moment
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=1.0)
        self._thread.join(STOP_TIMEOUT_S)
        if not self._thread.is_alive():
            self._wake_in.close()
            self._wake_out.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._session() as connection:
                    self._stay(connection)
            except ServerUnreachable as error:
                self._note(error)
                self._stopping.wait(REST_S)
            except LedgerError as error:
                self._note(error)
                self._stopping.wait(AFTER_REFUSAL_S)
            except Exception as error:
                # whatever it is, the app has to see it, and the next try may find it gone
                self._note(LedgerError(f"the sync met an unexpected {type(error).__name__}: {error}"))
                self._stopping.wait(AFTER_REFUSAL_S)

    @contextmanager
    def _session(self) -> Iterator[Connection[DictRow]]:
        """A connection over which the first exchange has succeeded, however long that takes."""
        from tenacity import stop_when_event_set

        from ledger.database import connect, is_pooled, retrying

        patient = retrying(max_wait_s=MAX_WAIT_S, before_sleep=self._note_retry).copy(
            sleep=self._pause, stop=stop_when_event_set(self._stopping)
        )
        try:
            for attempt in patient:
                with attempt, translating():
                    self._connection = connect(self._dsn, application_name="jobledger sync")
                    self.pooled = is_pooled(self._connection)
                    if not self.pooled:
                        self._connection.add_notify_handler(lambda _: self._hear())
                        self._connection.execute("listen ledger_feed")
                    self._exchange(self._connection)
            assert self._connection is not None, "the loop ends with a connection, or with an error"
            with translating():
                yield self._connection
        finally:
            self._disconnect()

    def _stay(self, connection: Connection[DictRow]) -> None:
        while True:
            rested_at = time.monotonic() + REST_S
            if not self._heard:
                self._wait(connection, min(self._pooled_poll_s, self._poll_s) if self.pooled else self._poll_s)
            if self._stopping.wait(max(rested_at - time.monotonic(), 0)):
                return
            self._exchange(connection)

    def _exchange(self, connection: Connection[DictRow]) -> None:
        self._tried_upto = outbox.last_local_seq(self._replica.connection())
        self._heard = False
        try:
            with sync_lock(self._replica.path, timeout=_LOCK_TIMEOUT_S), self._replica.translating():
                exchange = Exchange(self._replica)
                exchange.run(connection)
        except SyncBusy:
            self._heard = True  # another process is at it, and may be past what is new: look again soon
            return
        self.error = None
        if exchange.result == SyncResult():
            self._pooled_poll_s = min(self._pooled_poll_s * 1.5, self._poll_s)
            return
        self._pooled_poll_s = POOLED_POLL_S
        if self._report:
            self._report(exchange.result)

    def _wait(self, connection: Connection[DictRow] | None, seconds: float) -> None:
        """Until there is a reason to exchange, and ``seconds`` at most."""
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            if connection is not None:
                selector.register(connection.fileno(), selectors.EVENT_READ)
            while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
                for key, _ in selector.select(min(left, LOOK_EVERY_S)):
                    if key.fileobj is not self._wake_out:
                        return  # the server has something to say, if only that it goes away
                    self._wake_out.recv(4096)
                if outbox.last_local_seq(self._replica.connection()) > self._tried_upto:
                    return

    def _pause(self, seconds: float) -> None:
        """Between two tries. A new event ends it, though not at once: there may be many of them."""
        self._disconnect()
        self._stopping.wait(min(seconds, 10 * REST_S))
        self._wait(None, seconds - 10 * REST_S)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _hear(self) -> None:
        self._heard = True

    def _wake(self) -> None:
        # a full socket has woken the thread already; a closed one has no thread to wake any more
        with suppress(OSError):
            self._wake_in.send(b".")

    def _note_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, LedgerError):
            self._note(error)

    def _note(self, error: LedgerError) -> None:
        if self._stopping.is_set():
            return
        if self.error is None or str(self.error) != str(error):
            note_failure(self._replica, error)
        self.error = error
