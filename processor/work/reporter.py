"""What running attempts say, on its way to the recorder."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from processor.entry import Entry
from processor.handlers.channel import JobChannel
from processor.handlers.json_text import write_json
from processor.handlers.stopping import JobCancelled, StopReason
from processor.work.reports import Reports

if TYPE_CHECKING:
    from processor.executors.loop_thread import LoopThread
    from processor.work.attempt import ActiveAttempt
    from processor.work.recorder import Recorder

INTERVAL_S: Final = 0.15


class Reporter:
    """Takes in what attempts say through their channels, from any thread, and hands it to the recorder.

    Progress and log lines go at once when it is quiet, and otherwise together: each attempt's at most once an interval.
    Steps go at once.
    """

    def __init__(self, loop_thread: LoopThread, recorder: Recorder) -> None:
        self._loop_thread = loop_thread
        self._loop = loop_thread.loop
        self._recorder = recorder
        self._lock = threading.Lock()
        self._noted: list[ActiveAttempt] = []
        self._timer: asyncio.TimerHandle | None = None
        self._last_s = self._loop.time() - INTERVAL_S

    def channel(self, attempt: ActiveAttempt) -> JobChannel:
        """The channel of this attempt's context."""
        return JobChannel(
            partial(self._log, attempt),
            partial(self._progress, attempt),
            partial(self._record_step, attempt),
            attempt.completed_steps,
            attempt.must_stop,
            self._may_wait,
        )

    def close_progress(self, attempt: ActiveAttempt, message: str) -> None:
        """Let this message be the attempt's last progress."""
        self._reports(attempt).close_progress(message)
        self._announce(attempt)

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _log(self, attempt: ActiveAttempt, level: str, message: str) -> None:
        self._reports(attempt).line(level, message)
        self._announce(attempt)

    def _progress(self, attempt: ActiveAttempt, percent: float | None, message: str | None, data: Any) -> None:
        self._reports(attempt).progress(percent, message, data)
        self._announce(attempt)

    def _reports(self, attempt: ActiveAttempt) -> Reports:
        # made when there is something to say, as most jobs say nothing
        if attempt.reports is None:
            with self._lock:
                if attempt.reports is None:
                    attempt.reports = Reports(attempt.job.attempt)
        return attempt.reports

    def _announce(self, attempt: ActiveAttempt) -> None:
        if not attempt.announced:
            attempt.announced = True
            self._loop_thread.post(self._note, attempt)

    def _note(self, attempt: ActiveAttempt) -> None:
        self._noted.append(attempt)
        if self._timer is None:
            self._timer = self._loop.call_at(self._last_s + INTERVAL_S, self._send)

    def _send(self) -> None:
        self._timer = None
        self._last_s = self._loop.time()
        noted, self._noted = self._noted, []
        for attempt in noted:
            attempt.announced = False  # first: what is said from here on is announced anew
            if not attempt.over and (entries := attempt.take_reports()):
                self._recorder.add(attempt, entries)

    def _may_wait(self) -> bool:
        return not self._loop_thread.is_here()

    def _record_step(self, attempt: ActiveAttempt, name: str, result: str) -> Future[None]:
        step = write_json(name, what="the name of a step")
        entry = Entry("step.completed", f'{{"attempt":{attempt.job.attempt},"step":{step},"result":{result}}}')
        receipt: Future[None] = Future()
        if not self._loop_thread.post(self._send_step, attempt, entry, receipt):
            receipt.set_exception(JobCancelled("the processor has ended"))
        return receipt

    def _send_step(self, attempt: ActiveAttempt, entry: Entry, receipt: Future[None]) -> None:
        if attempt.over or attempt.must_stop() is StopReason.LOST:
            receipt.set_exception(JobCancelled(f"attempt {attempt.job.attempt} of job {attempt.job.job_id} is over"))
        else:
            self._recorder.add(attempt, [entry], receipt=receipt)
