"""How much may run at a time, and how much to claim: pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.executors.executor import Executor

A = TypeVar("A")

AHEAD_S: Final = 0.1
"""How far ahead a lane claims: what it has places for, and what it will get to within this time."""
STALE_S: Final = 2.0
"""How long a claimed job may wait for its place before it is given back."""
WEIGHT: Final = 1 / 8
SHORTEST_S: Final = 1e-6


class Lane(Generic[A]):
    """The jobs of one executor: those that run, up to ``limit``, and those claimed ahead, which wait for a place.

    Short jobs are claimed many at a time, so that they do not wait for round trips. Long ones are claimed as they can
    start, so that another processor may take what this one has no place for. What tells them apart is how long the
    last ones took: with every place taken, limit / mean of them end in a second (Little's law).
    """

    def __init__(self, names: list[str], executor: Executor, *, limit: int) -> None:
        self.names: Final = names
        self.executor: Final = executor
        self.limit: Final = limit
        self.running = 0
        self.overdue = 0
        """How many of those that run should have ended: they ran out of time, and go on."""
        self.waiting: deque[A] = deque()
        self.may_have_work = True
        """Whether a claim may find something."""
        self.paused = False
        """While one job runs alone, or waits to, nothing else is claimed or starts."""
        self._mean_s: float | None = None
        self._start: Callable[[A], object] | None = None

    def room(self, most: int) -> int:
        """How many jobs to claim now, at most ``most``; 0 while those that wait are enough."""
        if self.paused:
            return 0
        ahead = 0 if self._mean_s is None else min(most, round(self.limit / self._mean_s * AHEAD_S))
        if len(self.waiting) * 2 > ahead:
            return 0
        return max(0, min(most, self.limit + ahead - self.running - len(self.waiting)))

    @property
    def is_stuck(self) -> bool:
        """Whether every place is held by a function that ran out of time."""
        return self.overdue >= self.limit

    def starts_with(self, start: Callable[[A], object]) -> None:
        """From now on ``start`` starts what waits. Lanes outlive the runners that use them."""
        self._start = start

    def fill(self) -> None:
        """Start what waits, as long as there are free places."""
        while self.waiting and self.running < self.limit and not self.paused:
            assert self._start is not None
            self._start(self.waiting.popleft())

    def begin(self) -> None:
        """A job's function is called."""
        self.running += 1

    def end(self, took_s: float) -> None:
        """A job's function has returned."""
        self.running -= 1
        took_s = max(took_s, SHORTEST_S)
        self._mean_s = took_s if self._mean_s is None else self._mean_s + (took_s - self._mean_s) * WEIGHT

    def slow_down(self) -> None:
        """Jobs that were claimed ahead did not start in time: the next ones take longer than the last ones did."""
        self._mean_s = max(self._mean_s or 0.0, STALE_S * self.limit)
