"""How much may run at a time, and how much to claim."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processor.attempt import Attempt

AHEAD_S: Final = 0.1
"""How long a job may wait here after it was claimed; so far ahead a lane claims, at the speed it was seen to work."""
MEASURE_S: Final = 0.02


class Lane:
    """The jobs of one kind, async or plain: those that run, up to ``limit``, and those claimed for when they are done.

    Short jobs are claimed many at a time, so that they do not wait for round trips. Long ones are claimed as they can
    start, so that another processor may take what this one has no room for. What tells them apart is measured: jobs
    done for each second in which there was something to do.
    """

    def __init__(self, names: list[str], *, is_async: bool, limit: int) -> None:
        self.names: Final = names
        self.is_async: Final = is_async
        self.limit: Final = limit
        self.running = 0
        self.waiting: deque[Attempt] = deque()
        self.hungry = True
        self._rate = 0.0
        self._done = 0
        self._busy_s = 0.0
        self._busy_since = 0.0

    def room(self, now: float, most: int) -> int:
        """How many jobs to claim now, at most ``most``; 0 while what is here lasts. ``now`` is a monotonic time."""
        ahead = min(most, round(self._speed(now) * AHEAD_S))
        if len(self.waiting) * 2 > ahead:
            return 0
        return max(0, min(most, self.limit + ahead - self.running - len(self.waiting)))

    def start(self, now: float) -> None:
        """A job has begun to run."""
        if self.running == 0:
            self._busy_since = now
        self.running += 1

    def end(self, now: float) -> None:
        """A job's function has returned."""
        self.running -= 1
        self._done += 1
        if self.running == 0:
            self._busy_s += now - self._busy_since

    def _speed(self, now: float) -> float:
        busy_s = self._busy_s + (now - self._busy_since if self.running else 0.0)
        if busy_s >= MEASURE_S or self._done >= self.limit:
            seen = self._done / max(busy_s, 1e-6)
            self._rate = seen if self._rate == 0 else (self._rate + seen) / 2
            self._done, self._busy_s, self._busy_since = 0, 0.0, now
        return self._rate
