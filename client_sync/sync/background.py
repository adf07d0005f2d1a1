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

from client_sync.file.lock import SyncBusy, sync_lock
from client_sync.file.replica import Replica
from client_sync.sync import outbox
from client_sync.sync.exchange import Exchange, Report, SyncResult, note_failure, translating
from ledger.errors import LedgerError, LoginRefused, ServerUnreachable

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from client_sync.sync.session import Session

LOOK_EVERY_S: Final = 0.25
"""How often to look whether another process has appended something."""
SHORTEST_REST_S: Final = 0.002
LONGEST_REST_S: Final = 1.0
"""After an exchange that brought nothing, the server's news have to wait: a busy one announces what others do more
often than anybody can read. Each such exchange doubles the rest, so one's own come at most as late again as they
took. What is appended here waits for nothing."""
UNREACHABLE_WAIT_S: Final = 30.0
"""The longest wait between two tries to reach a server that does not answer."""
REFUSED_WAIT_S: Final = 60.0
"""The longest wait between two tries where the server says no, or something unexpected is the matter."""
SHORTEST_WAIT_S: Final = 0.5
SHORTEST_REFUSED_WAIT_S: Final = 5.0
"""Something new to send ends a wait early, but not before it has lasted so long: there may be many of them."""
POOLED_POLL_S: Final = 1.0
"""Until the first look for news, where the server cannot announce them. Grows up to the poll interval."""
GRACE_S: Final = 0.5
"""How long a stop lets the batch or page in hand be finished, before it cuts the connection."""
STOP_TIMEOUT_S: Final = 5.0
_LOCK_TIMEOUT_S: Final = 0.25
_PAUSE_S: Final = 0.05


class BackgroundSync:
    """Starts its thread at once. ``error`` is why it is not getting through; None while all is well.

    ``pooled``: notifications cannot arrive, so news come with the polls only.
    """

    def __init__(
        self,
        replica: Replica,
        dsn: str,
        *,
        on_behalf_of: str | None = None,
        poll_s: float,
        report: Report | None = None,
    ) -> None:
        self.error: LedgerError | None = None
        self.pooled = False
        self._replica = replica
        self._dsn = dsn
        self._on_behalf_of = on_behalf_of
        self._poll_s = poll_s
        self._pooled_poll_s = POOLED_POLL_S
        self._report = report
        self._stopping = threading.Event()
        self._heard = False
        self._tried_upto = 0
        self._connection: Session | None = None
        self._pid = os.getpid()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._forget = replica.on_change(self._wake)
        # daemon: a server that does not answer must not keep the app from ending
        self._thread = threading.Thread(target=self._run, name=f"sync {replica.path.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread. What it was doing is finished or undone; a server that does not answer is not waited for.

        Takes ``GRACE_S`` and a little at most, and up to ``STOP_TIMEOUT_S`` more where it is the disk that holds it up.
        """
        if self._pid != os.getpid():
            return  # a forked child has no such thread, and the connection is its parent's
        self._stopping.set()
        self._forget()
        self._wake()
        self._thread.join(GRACE_S)
        give_up_at = time.monotonic() + STOP_TIMEOUT_S
        while self._thread.is_alive() and time.monotonic() < give_up_at:
            connection = self._connection  # the thread may be making one at this moment: look again
            if connection is not None:
                connection.cut()
            self._thread.join(_PAUSE_S)

    def _run(self) -> None:
        failures = 0
        try:
            while not self._stopping.is_set():
                began_at = time.monotonic()
                try:
                    with self._explaining(), self._session() as connection:
                        self._stay(connection)
                except LedgerError as error:
                    self._note(error)
                    if _is_away(error):
                        self._stopping.wait(_PAUSE_S)
                        continue
                    # the first exchange went well, and a later one did not: no session may fail like that in a row
                    failures = 1 if time.monotonic() - began_at > REFUSED_WAIT_S else failures + 1
                    self._pause(min(SHORTEST_WAIT_S * 2**failures, REFUSED_WAIT_S))
        finally:
            self._wake_in.close()
            self._wake_out.close()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """A session in which the first exchange has succeeded, however long that takes."""
        from tenacity import retry_if_exception_type, stop_when_event_set

        from client_sync.sync.session import open_session
        from ledger.postgres.database import is_pooled, retrying
        from ledger.postgres.session import settle

        patient = retrying(before_sleep=self._note_retry).copy(
            retry=retry_if_exception_type(LedgerError),
            wait=_wait_s,
            sleep=self._pause,
            stop=stop_when_event_set(self._stopping),
        )
        try:
            for attempt in patient:
                with attempt, self._explaining():
                    self._connection = open_session(self._dsn, self._stopping.is_set)
                    settle(self._connection)
                    self.pooled = is_pooled(self._connection)
                    if not self.pooled:
                        self._connection.add_notify_handler(lambda _: self._hear())
                        self._connection.execute("listen ledger_feed")
                    self._exchange(self._connection)
            assert self._connection is not None, "the loop ends with a connection, or with an error"
            yield self._connection
        finally:
            self._disconnect()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Whatever the trouble is, the app has to see it, and the next try may find it gone."""
        try:
            with translating():
                yield
        except LedgerError:
            raise
        except Exception as error:
            raise LedgerError(f"the sync met an unexpected {type(error).__name__}: {error}") from error

    def _stay(self, connection: Session) -> None:
        rest_s = SHORTEST_REST_S
        while not self._stopping.is_set():
            if not self._heard and not self._has_appended():
                self._wait(connection, min(self._pooled_poll_s, self._poll_s) if self.pooled else self._poll_s)
            if self._stopping.is_set():
                return
            if self._exchange(connection):
                rest_s = SHORTEST_REST_S
            else:
                self._wait(None, rest_s)
                rest_s = min(rest_s * 2, LONGEST_REST_S)

    def _exchange(self, connection: Session) -> bool:
        """Whether it brought anything."""
        self._tried_upto = outbox.last_local_seq(self._replica.connection())
        self._heard = False
        try:
            with sync_lock(self._replica.path, timeout=_LOCK_TIMEOUT_S), self._replica.translating():
                exchange = Exchange(self._replica, on_behalf_of=self._on_behalf_of, stopped=self._stopping.is_set)
                exchange.run(connection)
        except SyncBusy:
            self._heard = True  # another process is at it, and may be past what is new: look again soon
            return False
        self.error = None
        if exchange.result == SyncResult():
            self._pooled_poll_s = min(self._pooled_poll_s * 1.5, self._poll_s)
            return exchange.result.confirmed > 0
        self._pooled_poll_s = POOLED_POLL_S
        if self._report:
            self._report(exchange.result)
        return True

    def _wait(self, connection: Session | None, seconds: float) -> None:
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
                if self._has_appended():
                    return

    def _has_appended(self) -> bool:
        """Whether this process or another has, since the last try."""
        return outbox.last_local_seq(self._replica.connection()) > self._tried_upto

    def _pause(self, seconds: float) -> None:
        """Between two tries."""
        self._disconnect()
        shortest = SHORTEST_WAIT_S if _is_away(self.error) else SHORTEST_REFUSED_WAIT_S
        self._stopping.wait(min(seconds, shortest))
        self._wait(None, seconds - shortest)

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


def _is_away(error: BaseException | None) -> bool:
    """Whether the server could not be reached, rather than said no."""
    return isinstance(error, ServerUnreachable) and not isinstance(error, LoginRefused)


def _wait_s(state: RetryCallState) -> float:
    """Exponential with full jitter, as everywhere; slower where somebody has to do something first."""
    from tenacity import wait_random_exponential

    if _is_away(state.outcome.exception() if state.outcome else None):
        return wait_random_exponential(multiplier=0.1, max=UNREACHABLE_WAIT_S)(state)
    return wait_random_exponential(multiplier=1, max=REFUSED_WAIT_S, min=SHORTEST_WAIT_S)(state)
