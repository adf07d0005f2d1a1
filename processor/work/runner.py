"""Running attempts, each by the executor of its lane, and ending them."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from ledger.model.data import JobError
from processor.handlers.call import HandlerCall, end_of_error
from processor.handlers.context import JobContext
from processor.handlers.handler import InvalidParams
from processor.handlers.outcome import Cancelled, Deferred, Failed
from processor.handlers.retry import ALONE_AFTER
from processor.handlers.stopping import StopReason
from processor.handlers.written import WrittenResult
from processor.work.alone import Alone
from processor.work.attempt import ActiveAttempt
from processor.work.ends import EndEvents, outcome_of, timed_out
from processor.work.lanes import STALE_S
from processor.work.timeouts import Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from processor.handlers.call import CallEnd
    from processor.handlers.written import WrittenOutcome
    from processor.session.hints import Hints
    from processor.work.lanes import Lane
    from processor.work.recorder import Recorder
    from processor.work.reporter import Reporter

logger = logging.getLogger(__name__)


class Runner:
    """The attempts that one registered processor has in hand, from their claim until their end is recorded."""

    def __init__(
        self,
        lanes: Sequence[Lane[ActiveAttempt]],
        recorder: Recorder,
        reporter: Reporter,
        ends: EndEvents,
        hints: Hints,
    ) -> None:
        self._lanes = lanes
        self._loop = asyncio.get_running_loop()
        self._recorder = recorder
        self._reporter = reporter
        self._ends = ends
        self._hints = hints
        self._empty = asyncio.Event()
        self._empty.set()
        self.in_hand: dict[str, ActiveAttempt] = {}
        self._timeouts = Timeouts(lanes, reporter, self._ask_to_stop, self._finish)
        self.stuck = self._timeouts.stuck
        """Set when functions that ran out of time hold every place of a lane."""
        self._alone = Alone(lanes, self.in_hand, flush=recorder.flush, start=self._start, finish=self._finish)
        for lane in lanes:
            lane.starts_with(self._start)

    def take(self, attempts: Iterable[ActiveAttempt]) -> None:
        """Take in claimed jobs, in order, and start as many as may run."""
        suspects: list[ActiveAttempt] = []
        for attempt in attempts:
            self.in_hand[attempt.job.job_id] = attempt
            if attempt.job.losses >= ALONE_AFTER:
                suspects.append(attempt)
                continue
            attempt.lane.waiting.append(attempt)
            attempt.lane.fill()
        if self.in_hand:
            self._empty.clear()
        if suspects or self._alone.attempt is not None:
            self._alone.take(suspects)
            self._empty_lanes()

    async def until_empty(self, timeout_s: float) -> bool:
        """Wait until nothing is in hand, at most so long. Whether that came about."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def cancel(self, job_id: str) -> None:
        """The job was cancelled: a running attempt is asked to stop, a waiting one ends."""
        attempt = self.in_hand.get(job_id)
        if attempt is not None and not self._end_waiting(attempt, Cancelled()):
            self._ask_to_stop(attempt, StopReason.CANCEL)

    def give_back_waiting(self) -> None:
        """Give back what was claimed and has not begun, so that others may take it at once."""
        self._empty_lanes()
        if (alone := self._alone.waiting) is not None:
            self._finish(alone, Deferred(after=0))

    def give_back_stale(self) -> None:
        """Give back what was claimed ahead and could not start in time: a processor with free places may take it."""
        now = self._loop.time()
        for lane in self._lanes:
            if lane.waiting and now - lane.waiting[0].claim.taken_at > STALE_S:
                logger.info("%d jobs were claimed and cannot start yet: given back", len(lane.waiting))
                lane.slow_down()
                self._empty_lane(lane)

    async def stop_all(self, timeout_s: float) -> None:
        """Stop what still runs; after ``timeout_s`` it is given back whether it has stopped or not."""
        for attempt in list(self.in_hand.values()):
            if attempt.must_stop() is not StopReason.TIMEOUT:
                self._ask_to_stop(attempt, StopReason.DRAIN)
        if await self.until_empty(timeout_s):
            return
        for attempt in list(self.in_hand.values()):
            logger.warning("job %s: still running, given back", attempt.job.job_id)
            in_time = attempt.must_stop() is not StopReason.TIMEOUT and not attempt.late
            self._finish(attempt, Deferred(after=0) if in_time else timed_out(attempt))

    def lose(self, attempt: ActiveAttempt) -> None:
        """The attempt is no longer this processor's: stop it, and record nothing more of it."""
        self._ask_to_stop(attempt, StopReason.LOST)
        if not attempt.over:
            self._recorder.release(attempt)
        self._forget(attempt)

    def lose_all(self) -> None:
        """Nothing is this processor's any more."""
        for lane in self._lanes:
            lane.waiting.clear()
        for attempt in list(self.in_hand.values()):
            self.lose(attempt)

    def _start(self, attempt: ActiveAttempt) -> None:
        """Run an attempt in hand. Its lane must have room."""
        handler, lane = attempt.handler, attempt.lane
        try:
            request = handler.read(attempt.job.request)
        except InvalidParams as error:
            self._finish(attempt, Failed(JobError(type="InvalidParams", message=error.message, retryable=False)))
            return
        except BaseException as error:  # a validator is code of the handler's
            end = end_of_error(error, attempt.must_stop(), handler.no_retry)
            self._finish(attempt, outcome_of(attempt, end) or Deferred(after=0))
            return
        context = JobContext(attempt.job, request.namespace, self._reporter.channel(attempt))
        attempt.call = HandlerCall(handler, request.params, context, attempt.must_stop)
        lane.begin()
        attempt.started_at = self._loop.time()
        self._timeouts.start(attempt)
        lane.executor.start(attempt.call, partial(self._ended, attempt))

    def _ended(self, attempt: ActiveAttempt, end: CallEnd) -> None:
        """An executor's call has ended."""
        attempt.call = None  # which refers to the attempt
        lane = attempt.lane
        took_s = self._loop.time() - attempt.started_at
        lane.end(took_s)
        self._timeouts.end(attempt)
        outcome = outcome_of(attempt, end) if isinstance(end, StopReason) else end
        if outcome is None:
            pass
        elif attempt.over:
            self._keep_evidence(attempt, outcome)
        elif attempt.late:
            # the late result is evidence only when the ledger knows that the attempt is over
            ended: Future[None] = Future()
            ended.add_done_callback(partial(self._keep_late, attempt, outcome))
            self._finish(attempt, timed_out(attempt, took_s), ended)
        else:
            self._finish(attempt, outcome)
        lane.fill()
        if lane.may_have_work:
            self._hints.tell_of_room()

    def _keep_late(self, attempt: ActiveAttempt, outcome: WrittenOutcome, ended: Future[None]) -> None:
        if ended.exception() is None:
            self._keep_evidence(attempt, outcome)

    def _keep_evidence(self, attempt: ActiveAttempt, outcome: WrittenOutcome) -> None:
        """Record a result that comes too late to count."""
        if isinstance(outcome, WrittenResult) and attempt.must_stop() is not StopReason.LOST:
            self._recorder.add(attempt, self._ends.of(attempt, outcome))

    def _finish(self, attempt: ActiveAttempt, outcome: WrittenOutcome, receipt: Future[None] | None = None) -> None:
        """Record how an attempt ended."""
        self._recorder.add(attempt, self._ends.last(attempt, outcome), ends=True, receipt=receipt)
        self._forget(attempt)

    def _forget(self, attempt: ActiveAttempt) -> None:
        attempt.over = True
        if attempt.timer is not None:
            attempt.timer.cancel()
        if self.in_hand.get(attempt.job.job_id) is attempt:
            del self.in_hand[attempt.job.job_id]
        if not self.in_hand:
            self._empty.set()
        if attempt is self._alone.attempt:
            self._alone.end()
            for lane in self._lanes:
                lane.fill()
            self._hints.tell_of_work()

    def _empty_lanes(self) -> None:
        for lane in self._lanes:
            self._empty_lane(lane)

    def _empty_lane(self, lane: Lane[ActiveAttempt]) -> None:
        while lane.waiting:
            self._finish(lane.waiting.popleft(), Deferred(after=0))

    def _end_waiting(self, attempt: ActiveAttempt, outcome: Cancelled) -> bool:
        """End an attempt that has not begun. False: it has."""
        if attempt is self._alone.waiting:
            self._finish(attempt, outcome)
            return True
        try:
            attempt.lane.waiting.remove(attempt)
        except ValueError:
            return False
        self._finish(attempt, outcome)
        return True

    def _ask_to_stop(self, attempt: ActiveAttempt, reason: StopReason) -> bool:
        """Tell a running attempt that it has to stop. False: its function has to look for itself."""
        attempt.stop_reason = reason
        return attempt.call is None or attempt.lane.executor.interrupt(attempt.call)
