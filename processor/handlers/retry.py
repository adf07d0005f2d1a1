"""When to try again: pure. Time and chance are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_CENTURY_S: Final = 36_525 * 86_400
ALONE_AFTER: Final = 2
"""Losses after which a job runs with no other beside it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff, and how many attempts a job has. The default waits 1 s, 4 s, 16 s, ... and at most an hour.

    Failures and losses have separate budgets. An attempt whose processor died says nothing about the job, but a job
    that kills every processor must end some day. Deferrals cost nothing. After ``ALONE_AFTER`` losses a job runs
    alone, and from then on only losses while alone count, as another job may have caused the others.

    ``jitter`` is the share by which chance may lengthen a wait, so that jobs that failed together do not come back
    together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """

    first_wait_s: float = 1.0
    factor: float = 4.0
    longest_wait_s: float = 3600.0
    jitter: float = 0.1
    max_attempts: int = 3
    max_losses: int = 5

    def __post_init__(self) -> None:
        if self.first_wait_s < 0 or self.longest_wait_s < 0 or self.factor < 1 or not 0 <= self.jitter <= 1:
            raise ValueError("waits must not be negative, factor must be 1 or more, jitter from 0 to 1")
        if not self.longest_wait_s <= _CENTURY_S:
            raise ValueError("longest_wait_s is at most a century")
        if self.max_attempts < 1 or self.max_losses < 0:
            raise ValueError("max_attempts must be 1 or more, max_losses 0 or more")

    def wait(self, times: int, chance: float = 0.0) -> timedelta:
        """How long to wait after it went wrong for the n-th time, counted from 1. ``chance`` is from 0 up to 1."""
        try:
            wait_s = min(self.first_wait_s * self.factor ** (times - 1), self.longest_wait_s)
        except OverflowError:
            wait_s = self.longest_wait_s
        return timedelta(seconds=wait_s * (1 + self.jitter * chance))

    def after_failure(
        self, failures: int, now: datetime, *, max_attempts: int | None = None, chance: float = 0.0
    ) -> datetime | None:
        """When the next attempt may start after the n-th failure; None where none is left.

        ``max_attempts`` is what the job or its handler asks for in place of the policy's own.
        """
        if failures >= (self.max_attempts if max_attempts is None else max_attempts):
            return None
        return now + self.wait(failures, chance)

    def after_loss(self, losses: int, now: datetime, *, chance: float = 0.0) -> datetime | None:
        """When the next attempt may start after the n-th loss; None where too many were lost.

        The first time at once, as most losses are not the job's doing; from then on with backoff.
        """
        if losses > self.max_losses:
            return None
        return now if losses <= 1 else now + self.wait(losses - 1, chance)
