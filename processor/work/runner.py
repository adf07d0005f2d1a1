"""Running attempts: async handlers as tasks of the event loop, plain ones in threads."""

from __future__ import annotations

import asyncio
import logging
import random
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from ledger.model.data import JobError
from processor.handlers.outcome import (
    Cancelled,
    Deferred,
    Entry,
    Failed,
    Settled,
    Written,
    conclude,
    conclude_completion,
    conclude_trouble,
)
from processor.handlers.registry import InvalidParams
from processor.handlers.retry import ALONE_AFTER
from processor.session.hints import Hints
from processor.work.alone import Alone
from processor.work.attempt import Attempt, StopReason
from processor.work.lanes import STALE_S, Lane
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from processor.executors.loop_thread import LoopThread
    from processor.executors.threads import Threads
    from processor.handlers.retry import RetryPolicy
    from processor.session.clock import ServerClock
    from processor.work.recorder import Recorder

logger = logging.getLogger(__name__)

STOP_GRACE_S: Final = 5.0
"""How long a handler may clean up after it was stopped for time. What an async one returns meanwhile still counts."""


class Runner:
    """The attempts that one registered processor has in hand, from their claim until their end is recorded.

    An attempt ends when its function has returned. Where its handler wants it, one that ran out of time is abandoned
    while the function goes on (a plain function cannot be stopped from outside); its place in the lane is free only
    when the function has returned, all the same. ``stuck`` is set when such functions hold every place of a lane.
    """

    def __init__(
        self,
        loop_thread: LoopThread,
        lanes: Sequence[Lane],
        threads: Threads,
        recorder: Recorder,
        clock: ServerClock,
        policy: RetryPolicy,
        hints: Hints,
    ) -> None:
        self._loop_thread = loop_thread
        self._lanes = lanes
        self._loop = loop_thread.loop
        self._recorder = recorder
        self._threads = threads
        self._clock = clock
        self._policy = policy
        self._hints = hints
        self._empty = asyncio.Event()
        self._empty.set()
        self.stuck: Final = asyncio.Event()
        if any(lane.is_stuck for lane in lanes):
            self.stuck.set()
        self.in_hand: dict[str, Attempt] = {}
        self._alone = Alone(lanes, recorder, self.in_hand, self.start, self._finish)

    def take(self, attempts: Iterable[Attempt]) -> None:
        """Take in claimed jobs, in order, and start as many as may run."""
        suspects: list[Attempt] = []
        for attempt in attempts:
            self.in_hand[attempt.job.job_id] = attempt
            if attempt.job.losses >= ALONE_AFTER:
                suspects.append(attempt)
                continue
            attempt.lane.waiting.append(attempt)
            self._fill(attempt.lane)
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
        """The job was asked to stop: a running attempt is told, a waiting one ends."""
        attempt = self.in_hand.get(job_id)
        if attempt is not None and not self._drop_waiting(attempt, Cancelled()):
            self._ask_to_stop(attempt, StopReason.CANCEL)

    def give_back_waiting(self) -> None:
        """Give back what was claimed and has not begun, so that others may take it at once."""
        self._empty_lanes()
        if (alone := self._alone.waiting) is not None:
            self._finish(alone, Deferred(after=0))

    def _empty_lanes(self) -> None:
        for lane in self._lanes:
            while lane.waiting:
                self._finish(lane.waiting.popleft(), Deferred(after=0))

    def give_back_stale(self) -> None:
        """Give back what was claimed ahead and did not get its turn: a processor with free places may take it."""
        now = self._loop.time()
        for lane in self._lanes:
            if lane.waiting and now - lane.waiting[0].claim.taken_at > STALE_S:
                logger.info("%d jobs were claimed and cannot start yet: given back", len(lane.waiting))
                lane.slow_down()
                while lane.waiting:
                    self._finish(lane.waiting.popleft(), Deferred(after=0))

    async def stop_all(self, timeout_s: float) -> None:
        """Stop what still runs; after ``timeout_s`` it is given back whether it has stopped or not."""
        for attempt in list(self.in_hand.values()):
            if attempt.must_stop is not StopReason.TIMEOUT:
                self._ask_to_stop(attempt, StopReason.DRAIN)
        if await self.until_empty(timeout_s):
            return
        for attempt in list(self.in_hand.values()):
            logger.warning("job %s: still running, given back", attempt.job.job_id)
            in_time = attempt.must_stop is not StopReason.TIMEOUT and not attempt.late
            self._finish(attempt, Deferred(after=0) if in_time else attempt.timed_out())

    def lose(self, attempt: Attempt) -> None:
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

    def _fill(self, lane: Lane) -> None:
        while lane.waiting and lane.running < lane.limit and not lane.held:
            attempt = lane.waiting.popleft()
            # lanes outlive workers: what makes room may be of the last one, and what waits of this one
            attempt.worker.runner.start(attempt)

    def start(self, attempt: Attempt) -> None:
        """Run an attempt in hand. Its lane must have room."""
        try:
            attempt.request = attempt.handler.read(attempt.job.request)
        except InvalidParams as error:
            self._finish(attempt, Failed(JobError(type="InvalidParams", message=error.message, retryable=False)))
            return
        except BaseException as error:  # a validator is code of the handler's
            self._finish(attempt, attempt.judge_error(error) or Deferred(after=0))
            return
        attempt.lane.start()
        attempt.started_at = self._loop.time()
        timeout_s = attempt.timeout_s
        if timeout_s is not None:
            attempt.timer = self._loop.call_later(timeout_s, self._run_out_of_time, attempt)
        if attempt.lane.is_async:
            attempt.task = self._loop.create_task(self._run_async(attempt))
        else:
            self._threads.submit(lambda: self._run_plain(attempt))

    async def _run_async(self, attempt: Attempt) -> None:
        self._returned(attempt, await attempt.call_async())

    def _run_plain(self, attempt: Attempt) -> None:
        outcome = attempt.call()
        if not self._loop_thread.post(self._returned, attempt, outcome):
            logger.warning("job %s: returned after the processor had ended", attempt.job.job_id)

    def _returned(self, attempt: Attempt, outcome: Settled | None) -> None:
        lane = attempt.lane
        took_s = self._loop.time() - attempt.started_at
        lane.end(took_s)
        if attempt.timer is not None:
            attempt.timer.cancel()
        if attempt.overdue:
            lane.overdue -= 1
        if outcome is not None:
            # what comes too late to count is kept as evidence, when the ledger knows that the attempt is over
            evidence = self._conclude(attempt, outcome) if isinstance(outcome, Written) else []
            if attempt.over:
                self._keep(attempt, evidence)
            elif attempt.late:
                ended: Future[None] = Future()
                ended.add_done_callback(lambda known: None if known.exception() else self._keep(attempt, evidence))
                self._finish(attempt, attempt.timed_out(took_s), ended)
            else:
                self._finish(attempt, outcome)
        self._fill(lane)
        if lane.hungry:
            self._hints.tell_of_room()

    def _keep(self, attempt: Attempt, evidence: list[Entry]) -> None:
        if evidence and attempt.must_stop is not StopReason.LOST:
            self._recorder.add(attempt, evidence)

    def _finish(self, attempt: Attempt, outcome: Settled, receipt: Future[None] | None = None) -> None:
        """Record how an attempt ended; what it said last goes before. Whatever goes wrong here, it ends."""
        try:
            entries = [*attempt.take_reports(), *self._conclude(attempt, outcome)]
        except BaseException as error:
            logger.exception("job %s: how it ended cannot be recorded", attempt.job.job_id)
            entries = conclude_trouble(attempt.job, error)
        self._recorder.add(attempt, entries, ends=True, receipt=receipt)
        self._forget(attempt)

    def _conclude(self, attempt: Attempt, outcome: Settled) -> list[Entry]:
        if isinstance(outcome, Written):
            return conclude_completion(attempt.job, outcome.text)
        handler = attempt.handler
        return conclude(
            attempt.job,
            outcome,
            self._clock.now(),
            handler.retry or self._policy,
            max_attempts=handler.max_attempts,
            chance=random.random(),  # noqa: S311  # spreads retries, protects nothing
        )

    def _forget(self, attempt: Attempt) -> None:
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
                self._fill(lane)
            self._hints.tell_of_work()

    def _drop_waiting(self, attempt: Attempt, outcome: Settled) -> bool:
        if attempt is self._alone.waiting:
            self._finish(attempt, outcome)
            return True
        try:
            attempt.lane.waiting.remove(attempt)
        except ValueError:
            return False
        self._finish(attempt, outcome)
        return True

    def _ask_to_stop(self, attempt: Attempt, reason: StopReason) -> None:
        attempt.must_stop = reason
        # a task that has not begun would end without a word; it looks for itself when it begins
        if attempt.task is not None and attempt.begun:
            attempt.task.cancel()

    def _run_out_of_time(self, attempt: Attempt) -> None:
        self._ask_to_stop(attempt, StopReason.TIMEOUT)
        if attempt.task is None:
            self._be_late(attempt)
        attempt.timer = self._loop.call_later(STOP_GRACE_S, self._be_overdue, attempt)

    def _be_late(self, attempt: Attempt) -> None:
        """Its time is over, and its function goes on."""
        logger.warning(
            "job %s attempt %s: out of time, and its handler %r goes on; its place is taken until it returns",
            attempt.job.job_id, attempt.job.attempt, attempt.handler.name,
        )  # fmt: skip
        attempt.late = True
        if attempt.handler.abandons:
            self._finish(attempt, attempt.timed_out())
        else:
            attempt.reports.close_progress(STOPPING)
            attempt.announce()

    def _be_overdue(self, attempt: Attempt) -> None:
        """It was asked to stop some time ago, and has not."""
        if not attempt.late:
            self._be_late(attempt)
        attempt.overdue = True
        attempt.lane.overdue += 1
        if attempt.lane.is_stuck:
            self.stuck.set()
