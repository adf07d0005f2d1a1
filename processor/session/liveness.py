"""Liveness: registration, heartbeat, and the session that shows that this process is there.

A thread of its own, with a session of its own, so that a busy event loop does not look like a dead processor; each
heartbeat says how long the loop has not moved. What the thread keeps alive is an identity: one registration, under one
id. A session that breaks is made again, as long as the lease lasts. When the lease is over, or the ledger has given the
processor up, the identity is lost for good, and the thread registers a new one.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tenacity import Retrying, sleep_using_event

from ledger.errors import ServerUnreachable, one_line
from ledger.model.ids import new_id
from ledger.retrying import retrying_if

if TYPE_CHECKING:
    from ledger.ports.store import Store
    from processor.session.clock import ServerClock
    from processor.settings import Settings

logger = logging.getLogger(__name__)

LONGEST_WAIT_S: Final = 2.0
"""Between two attempts to reach the server."""


class Identity:
    """One registration of this process. Once ``lost`` it stays so, and nothing may be done in its name."""

    def __init__(self, processor: UUID, on_lost: Callable[[Identity], object]) -> None:
        self.processor: Final = processor
        self.renewed_at = time.monotonic()
        self.beats = 0
        self.lost = False
        self._on_lost = on_lost

    def lose(self, reason: str) -> None:
        """Give the identity up. From any thread; only the first time counts."""
        if not self.lost:
            self.lost = True
            logger.warning("processor %s is lost: %s", self.processor, reason)
            self._on_lost(self)


class Liveness(threading.Thread):
    """Keeps one identity after the other alive until ``stop``.

    ``loop_still_s`` tells how long the event loop has not moved. ``on_registered`` and ``on_lost`` are called with the
    identity, in this thread or in the one that called ``lose``. ``on_error`` is called with an error after which trying
    again cannot help; the thread has ended then.
    """

    def __init__(
        self,
        store: Store,
        names: list[str],
        settings: Settings,
        clock: ServerClock,
        *,
        loop_still_s: Callable[[], float],
        on_registered: Callable[[Identity], object],
        on_lost: Callable[[Identity], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        super().__init__(name="liveness", daemon=True)
        self._store = store
        self._names = names
        self._settings = settings
        self._clock = clock
        self._loop_still_s = loop_still_s
        self._on_registered = on_registered
        self._on_lost = on_lost
        self._on_error = on_error
        self._stopped = threading.Event()
        self._identity: Identity | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._live()
        except Exception as error:
            if not self._stopped.is_set():
                self._on_error(error)

    def stop(self) -> None:
        """Let the thread tell the server that this processor ends here, and end."""
        self._stopped.set()

    def wake(self, lost: Identity) -> None:
        """Have the thread go on with a new identity, where it waits for an answer that does not come for this one."""
        if self._identity is lost:
            self._store.interrupt()

    def _live(self) -> None:
        """One identity, from its registration until it is lost."""
        identity: Identity | None = None
        while not self._stopped.is_set() and (identity is None or not identity.lost):
            try:
                if identity is None:
                    identity = self._identity = self._trying(None)(self._register)
                    self._on_registered(identity)
                else:
                    self._trying(identity)(self._beat, identity)
                while not self._stopped.wait(self._settings.heartbeat) and not identity.lost:
                    self._beat(identity)
                if not identity.lost:
                    self._store.stop(identity.processor)
            except ServerUnreachable as error:
                logger.warning("liveness: interrupted: %s", one_line(error))
            finally:
                self._store.leave()

    def _trying(self, identity: Identity | None) -> Retrying:
        # once stopped, it neither waits nor tries again; and a lost identity has no use for a connection
        policy = retrying_if(lambda error: isinstance(error, ServerUnreachable), max_wait_s=LONGEST_WAIT_S)
        return policy.copy(
            stop=lambda _: self._stopped.is_set() or (identity is not None and identity.lost),
            sleep=sleep_using_event(self._stopped),
        )

    def _register(self) -> Identity:
        identity = Identity(new_id(), self._on_lost)
        self._store.register(
            identity.processor, socket.gethostname(), os.getpid(), self._settings.namespaces, self._names
        )
        self._beat(identity)
        return identity

    def _beat(self, identity: Identity) -> None:
        asked_at = time.monotonic()
        beat = self._store.beat(identity.processor, identity.beats, self._loop_still_s())
        answered_at = time.monotonic()
        self._clock.sample(beat.server_time, asked_at, answered_at)
        if beat.beats is None:
            identity.lose("the server had given it up, or was put back to an earlier moment")
        elif answered_at - identity.renewed_at > self._settings.lease / 2:
            identity.lose(f"no heartbeat for {answered_at - identity.renewed_at:.1f} s")
        else:
            identity.beats = beat.beats
            identity.renewed_at = asked_at  # the server saw it no earlier than this
