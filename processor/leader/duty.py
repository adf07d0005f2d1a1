"""A duty: one of the things that the leader does for all. It says when it wants to run, and may fail by itself."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from ledger.ports.store import FailingDuty

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 15.0


class Duty(ABC):
    """One thing that the leader does again and again. Those who have one write ``run`` and ``due_in_s``."""

    name: ClassVar[str]
    trouble: ClassVar[str]
    """What it means for everybody when it fails, for the log and for ``doctor``."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.failing: FailingDuty | None = None
        """How it has failed since it went well."""
        self._not_before = -math.inf

    @abstractmethod
    async def run(self) -> None:
        """Do it once. Raises what went wrong; it is tried again, later each time."""

    @abstractmethod
    def due_in_s(self) -> float:
        """In how many seconds it wants to run; 0: now."""

    def starts_in_s(self) -> float:
        """In how many seconds it is to run: when it wants to, but for what its last failures have it wait."""
        return max(self.due_in_s(), self._not_before - self._monotonic(), 0.0)

    def went_well(self) -> None:
        """Take note of that."""
        self.failing, self._not_before = None, -math.inf

    def put_off(self, seconds: float) -> None:
        """Try again in so many seconds: it was broken off, which says nothing about it."""
        self._not_before = self._monotonic() + seconds

    def failed(self, why: str, now: datetime) -> None:
        """Take note: it waits twice as long as the last time."""
        times, since = (0, now) if self.failing is None else (self.failing.times, self.failing.since)
        self.failing = FailingDuty(self.name, self.trouble, times + 1, since, why)
        self._not_before = self._monotonic() + min(FIRST_WAIT_S * 2.0**times, LONGEST_WAIT_S)
