"""Attempts that run out of time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from processor.handlers.stopping import StopReason
from processor.work.ends import timed_out
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from processor.handlers.outcome import Retry
    from processor.work.attempt import ActiveAttempt
    from processor.work.lanes import Lane
    from processor.work.reporter import Reporter

logger = logging.getLogger(__name__)

STOP_GRACE_S: Final = 5.0
"""How long a handler may clean up after it was stopped for time. What an async one returns meanwhile still counts."""


class Timeouts:
    """Asks attempts to stop when their time is over, and says of those that go on that they do.

    An attempt ends when its function has returned. Where its handler wants it, one that ran out of time is abandoned
    while the function goes on; its place in the lane is free only when the function has returned, all the same.
    ``stuck`` is set when such functions hold every place of a lane.
    """

    def __init__(
        self,
        lanes: Iterable[Lane[ActiveAttempt]],
        reporter: Reporter,
        ask_to_stop: Callable[[ActiveAttempt, StopReason], bool],
        finish: Callable[[ActiveAttempt, Retry], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._reporter = reporter
        self._ask_to_stop = ask_to_stop
        self._finish = finish
        self.stuck: Final = asyncio.Event()
        if any(lane.is_stuck for lane in lanes):
            self.stuck.set()

    def start(self, attempt: ActiveAttempt) -> None:
        """Its function is called: its time begins."""
        if (timeout_s := attempt.timeout_s) is not None:
            attempt.timer = self._loop.call_later(timeout_s, self._run_out_of_time, attempt)

    def end(self, attempt: ActiveAttempt) -> None:
        """Its function has returned."""
        if attempt.timer is not None:
            attempt.timer.cancel()
        if attempt.overdue:
            attempt.lane.overdue -= 1

    def _run_out_of_time(self, attempt: ActiveAttempt) -> None:
        if not self._ask_to_stop(attempt, StopReason.TIMEOUT):
            self._be_late(attempt)
        attempt.timer = self._loop.call_later(STOP_GRACE_S, self._be_overdue, attempt)

    def _be_late(self, attempt: ActiveAttempt) -> None:
        """Its time is over, and its function goes on."""
        logger.warning(
            "job %s attempt %s: out of time, and its handler %r goes on; its place is taken until it returns",
            attempt.job.job_id, attempt.job.attempt, attempt.handler.name,
        )  # fmt: skip
        attempt.late = True
        if attempt.handler.abandons:
            self._finish(attempt, timed_out(attempt))
        else:
            self._reporter.close_progress(attempt, STOPPING)

    def _be_overdue(self, attempt: ActiveAttempt) -> None:
        """It was asked to stop some time ago, and has not."""
        if not attempt.late:
            self._be_late(attempt)
        attempt.overdue = True
        attempt.lane.overdue += 1
        if attempt.lane.is_stuck:
            self.stuck.set()
