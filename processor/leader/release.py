"""The duty that lets jobs start whose time has come, and ends those that have expired."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, ClassVar, Final

from processor.leader.duty import Duty

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.ports.store import Store
    from processor.session.clock import ServerClock
    from processor.session.hints import Hints

SHORTEST_GAP_S: Final = 0.002


class Release(Duty):
    """Runs when the next waiting job is due, by the server's clock, as far as it was told (``expect``)."""

    name: ClassVar = "release"
    trouble: ClassVar = "jobs that are due do not start, and do not expire"

    def __init__(self, store: Store, hints: Hints, clock: ServerClock) -> None:
        super().__init__()
        self._store = store
        self._hints = hints
        self._clock = clock
        self._due_at = math.inf

    def expect(self, next_due: datetime | None) -> None:
        """Take in when the next job is due; None: none is."""
        in_s = math.inf if next_due is None else (next_due - self._clock.now()).total_seconds()
        self._due_at = time.monotonic() + max(in_s, SHORTEST_GAP_S)

    def due_in_s(self) -> float:
        return self._due_at - time.monotonic()

    async def run(self) -> None:
        released = await self._store.release()
        self.expect(released.next_due)
        if released.new_work:
            self._hints.tell_of_work()
        self._hints.events.set()  # those that have expired have ended by an event
