"""How much may run at a time, and how much to claim."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processor.work.attempt import Attempt

AHEAD_S: Final = 0.1
"""How far ahead a lane claims: what it has places for, and what it will get to within this time."""
STALE_S: Final = 2.0
"""How long a claimed job may wait for its place before it is given back."""
WEIGHT: Final = 1 / 8
SHORTEST_S: Final = 1e-6


class Lane:
    """The jobs of one kind, async or plain: those that run, up to ``limit``, and those claimed for when they are done.

    Short jobs are claimed many at a time, so that they do not wait for round trips. Long ones are claimed as they can
    start, so that another processor may take what this one has no place for. What tells them apart is how long the
    last ones took: with every place taken, limit / mean of them end in a second (Little's law).
    """

    def __init__(self, names: list[str], *, is_async: bool, limit: int) -> None:
        self.names: Final = names
        self.is_async: Final = is_async
        self.limit: Final = limit
        self.running = 0
        self.overdue = 0
        """How many of those that run should have ended: they ran out of time, and go on."""
        self.waiting: deque[Attempt] = deque()
        self.hungry = True
        self.held = False
        """While one job runs alone, or waits to, nothing else is claimed or starts."""
        self._mean_s: float | None = None

    def room(self, most: int) -> int:
        """How many jobs to claim now, at most ``most``; 0 while what is here lasts."""
        if self.held:
            return 0
        ahead = 0 if self._mean_s is None else min(most, round(self.limit / self._mean_s * AHEAD_S))
        if len(self.waiting) * 2 > ahead:
            return 0
        return max(0, min(most, self.limit + ahead - self.running - len(self.waiting)))

    @property
    def is_stuck(self) -> bool:
        """Whether every place is held by a function that ran out of time."""
        return self.overdue >= self.limit

    def start(self) -> None:
        """A job's function is called."""
        self.running += 1

    def end(self, took_s: float) -> None:
        """A job's function has returned."""
        self.running -= 1
        took_s = max(took_s, SHORTEST_S)
        self._mean_s = took_s if self._mean_s is None else self._mean_s + (took_s - self._mean_s) * WEIGHT

    def slow_down(self) -> None:
        """What was claimed ahead did not get its turn in time: the next jobs take longer than the last ones did."""
        self._mean_s = max(self._mean_s or 0.0, STALE_S * self.limit)
