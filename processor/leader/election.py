"""Who leads: of all processors the one that has the common duties.

Leading is a lease, renewed from where the duties are done: a leader whose process is frozen or whose event loop is
blocked loses it, though its session stays. Its end is counted by those who wait for it, by their monotonic clocks.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Final

from ledger.model.ids import new_id
from ledger.ports.store import EndOfLog

if TYPE_CHECKING:
    from ledger.ports.store import Store

LEASE_S: Final = 2.0
"""Who has seen the leader do nothing for so long takes over."""
RENEW_S: Final = 1.0
LOOK_S: Final = 0.5
"""How often a candidate looks: a leader whose session ends is replaced within this time."""

NOTHING_SEEN: Final = EndOfLog(None, 0, None)


class Candidate:
    """One processor's part in the election, in one session."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.id: Final = new_id()
        self._renewals: int | None = None
        self._unchanged_since = 0.0
        self._leads = False
        self._renewed_at = 0.0
        self.end = NOTHING_SEEN
        """The end of the log at the last look."""

    async def stand(self) -> bool:
        """Become the leader, if there is none or the one there is has been silent for the lease."""
        now = time.monotonic()
        silent = self._renewals if self._renewals is not None and now - self._unchanged_since >= LEASE_S else None
        elected, renewals, self.end = await self._store.stand(self.id, socket.gethostname(), os.getpid(), silent)
        if renewals != self._renewals:
            self._renewals, self._unchanged_since = renewals, time.monotonic()
        self._leads, self._renewed_at = elected, now
        return self._leads

    def next_look_s(self) -> float:
        """How long to wait before standing again."""
        return max(0.0, min(LOOK_S, self._unchanged_since + LEASE_S - time.monotonic()))

    async def still_leads(self) -> bool:
        """Renew the lease where that is due. False: another one leads now."""
        now = time.monotonic()
        if not self._leads or now - self._renewed_at < RENEW_S:
            return self._leads
        self._leads, self.end = await self._store.lead(self.id)
        self._renewed_at = now
        return self._leads
