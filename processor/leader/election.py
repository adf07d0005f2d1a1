"""Who leads: of all processors the one that puts events in order, lets due jobs start, and rescues orphans.

Leading is a lease, renewed from where the passes are made: a leader whose process is frozen or whose event loop is
blocked loses it, though its session stays. Its end is counted by those who wait for it, by their monotonic clocks.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from ledger.model.ids import new_id

if TYPE_CHECKING:
    from psycopg import AsyncCursor

LEASE_S: Final = 2.0
"""Who has seen the leader do nothing for so long takes over."""
RENEW_S: Final = 1.0
LOOK_S: Final = 0.5
"""How often a candidate looks: a leader whose session ends is replaced within this time."""

STAND: Final = """
    select s.elected, s.turn, e.epoch, e.last_seq, e.event_id
    from ledger.stand_for_leader(%(candidate)s, %(host)s, %(pid)s, %(silent)s) s, ledger.end_of_log() e
"""
LEAD: Final = (
    "select l.leads, e.epoch, e.last_seq, e.event_id from ledger.lead(%(holder)s) l (leads), ledger.end_of_log() e"
)


class EndOfLog(NamedTuple):
    """How far the log was seen to go in an epoch, and with which event."""

    epoch: UUID | None
    last_seq: int
    event_id: UUID | None


NOTHING_SEEN: Final = EndOfLog(None, 0, None)


class Candidate:
    """One processor's part in the election, over one connection."""

    def __init__(self, cursor: AsyncCursor[Any]) -> None:
        self._cursor = cursor
        self._id = new_id()
        self._turn: int | None = None
        self._unchanged_since = 0.0
        self._leads = False
        self._renewed_at = 0.0
        self.end = NOTHING_SEEN
        """The end of the log at the last look."""

    async def stand(self) -> bool:
        """Become the leader, if there is none or the one there is has been silent for the lease."""
        now = time.monotonic()
        silent = self._turn if self._turn is not None and now - self._unchanged_since >= LEASE_S else None
        who = {"candidate": self._id, "host": socket.gethostname(), "pid": os.getpid(), "silent": silent}
        [(elected, turn, *end)] = await (await self._cursor.execute(STAND, who)).fetchall()
        self.end = EndOfLog(*end)
        if turn != self._turn:
            self._turn, self._unchanged_since = turn, time.monotonic()
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
        [(self._leads, *end)] = await (await self._cursor.execute(LEAD, {"holder": self._id})).fetchall()
        self.end = EndOfLog(*end)
        self._renewed_at = now
        return self._leads
