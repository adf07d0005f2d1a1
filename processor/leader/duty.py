"""A duty: one of the things that the leader does for all. It says when it wants to run, and may fail by itself."""

from __future__ import annotations

import math
import time
from typing import ClassVar, Final

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 15.0


class Duty:
    """One thing that the leader does again and again. Those who have one write ``run`` and ``due_in_s``."""

    name: ClassVar[str]
    trouble: ClassVar[str]
    """What it means for everybody when it fails, for the log and for ``doctor``."""

    def __init__(self) -> None:
        self.failures = 0
        """How often it has failed since it went well."""
        self._not_before = -math.inf

    async def run(self) -> None:
        """Do it once. Raises what went wrong; it is tried again, later each time."""
        raise NotImplementedError

    def due_in_s(self) -> float:
        """In how many seconds it wants to run; 0: now."""
        raise NotImplementedError

    def starts_in_s(self) -> float:
        """In how many seconds it is to run: when it wants to, but for what its last failures have it wait."""
        return max(self.due_in_s(), self._not_before - time.monotonic(), 0.0)

    def went_well(self) -> bool:
        """Take note. Whether it had failed before."""
        had_failed = self.failures > 0
        self.failures, self._not_before = 0, -math.inf
        return had_failed

    def failed(self) -> None:
        """Take note: it waits twice as long as the last time."""
        wait_s = min(FIRST_WAIT_S * 2**self.failures, LONGEST_WAIT_S)
        self.failures += 1
        self._not_before = time.monotonic() + wait_s
