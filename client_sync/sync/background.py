"""The sync that goes on by itself: a thread that exchanges whenever there is a reason to.

Reasons are: something was appended here, by this process or another one; the server says that its log grew (a hint
only); the poll interval is over; or the last try failed and its wait is over.

Where a server does not announce its news (a connection pooler may be in between), the polls are closer: each time
nothing was new, half as long again until the next.
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
from client_sync.sync.exchange import Exchange, note_failure
from client_sync.sync.result import SyncReport, SyncResult
from ledger.errors import LedgerError, LoginRefused, ServerUnreachable
from ledger.ports.server import OpenServer, Server

if TYPE_CHECKING:
    from tenacity import RetryCallState

LOOK_EVERY_S: Final = 0.25
"""How often to look whether another process has appended something."""
SHORTEST_REST_S: Final = 0.002
LONGEST_REST_S: Final = 1.0
"""How long to rest after an exchange that brought nothing: a busy server announces what others do more often than
anybody can read. Each such exchange doubles the rest. What is appended here ends it."""
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
    """Starts its thread at once. ``error`` is why it is not getting through; None while all is well."""

    def __init__(
        self,
        replica: Replica,
        open_server: OpenServer,
        *,
        on_behalf_of: str | None = None,
        poll_s: float,
        report: SyncReport | None = None,
    ) -> None:
        self.error: LedgerError | None = None
        self._replica = replica
        self._open_server = open_server
        self._on_behalf_of = on_behalf_of
        self._poll_s = poll_s
        self._pooled_poll_s = POOLED_POLL_S
        self._report = report
        self._stopping = threading.Event()
        self._is_due = False
        self._tried_upto = 0
        self._server: Server | None = None
        self._pid = os.getpid()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._forget = replica.on_change(self._wake)
        # daemon: a server that does not answer must not keep the app from ending
        self._thread = threading.Thread(target=self._run, name=f"sync {replica.path.name}", daemon=True)
        self._thread.start()

    @property
    def pooled(self) -> bool:
        """Whether the server of the present session does not announce its news."""
        server = self._server
        return server is not None and not server.announces

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
            server = self._server  # the thread may be opening one at this moment: look again
            if server is not None:
                server.cut()
            self._thread.join(_PAUSE_S)

    def _run(self) -> None:
        failures = 0
        try:
            while not self._stopping.is_set():
                began_at = time.monotonic()
                try:
                    with self._explaining(), self._session() as server:
                        self._stay(server)
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
    def _session(self) -> Iterator[Server]:
        """A session in which the first exchange has succeeded, however long that takes."""
        from tenacity import Retrying, retry_if_exception_type, stop_when_event_set

        patient = Retrying(
            retry=retry_if_exception_type(LedgerError),
            wait=_wait_s,
            sleep=self._pause,
            stop=stop_when_event_set(self._stopping),
            before_sleep=self._note_retry,
            reraise=True,
        )
        try:
            for attempt in patient:
                with attempt, self._explaining():
                    self._server = self._open_server(True, self._stopping.is_set)
                    self._exchange(self._server)
            assert self._server is not None, "the loop ends with a session, or with an error"
            yield self._server
        finally:
            self._disconnect()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Whatever the trouble is, the app has to see it, and the next try may find it gone."""
        try:
            yield
        except LedgerError:
            raise
        except Exception as error:
            raise LedgerError(f"the sync met an unexpected {type(error).__name__}: {error}") from error

    def _stay(self, server: Server) -> None:
        rest_s = SHORTEST_REST_S
        while not self._stopping.is_set():
            if not self._is_due and not self._has_appended():
                self._wait(server, min(self._pooled_poll_s, self._poll_s) if self.pooled else self._poll_s)
            if self._stopping.is_set():
                return
            if self._exchange(server):
                rest_s = SHORTEST_REST_S
            else:
                self._wait(None, rest_s)
                rest_s = min(rest_s * 2, LONGEST_REST_S)

    def _exchange(self, server: Server) -> bool:
        """Whether it brought anything."""
        self._tried_upto = outbox.last_local_seq(self._replica.connection())
        self._is_due = False
        try:
            with sync_lock(self._replica.path, timeout=_LOCK_TIMEOUT_S), self._replica.translating():
                exchange = Exchange(self._replica, on_behalf_of=self._on_behalf_of, stopped=self._stopping.is_set)
                exchange.run(server)
        except SyncBusy:
            self._is_due = True  # another process is at it, and may be past what is new: look again soon
            return False
        self.error = None
        if exchange.result == SyncResult():
            self._pooled_poll_s = min(self._pooled_poll_s * 1.5, self._poll_s)
            return exchange.result.confirmed > 0
        self._pooled_poll_s = POOLED_POLL_S
        if self._report:
            self._report(exchange.result)
        return True

    def _wait(self, server: Server | None, seconds: float) -> None:
        """Until there is a reason to exchange, and ``seconds`` at most."""
        until = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if server is None:
                self._idle(min(left, LOOK_EVERY_S))
            elif server.wait_for_news(min(left, LOOK_EVERY_S), self._wake_out):
                return
            with suppress(BlockingIOError):
                self._wake_out.recv(4096)
            if self._has_appended():
                return

    def _idle(self, seconds: float) -> None:
        """Until something was appended here, without a server."""
        with selectors.DefaultSelector() as selector:  # select() knows no descriptor above 1023
            selector.register(self._wake_out, selectors.EVENT_READ)
            selector.select(seconds)

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
        server, self._server = self._server, None
        if server is not None:
            server.close()

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
