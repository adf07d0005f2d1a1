"""One attempt of one job, while this processor holds it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic_core import from_json, to_json

from ledger.model.data import JobError
from processor.handlers.context import JobCancelled, JobContext
from processor.handlers.describe import drop_first_frame
from processor.handlers.outcome import (
    NOTHING,
    OUTCOMES,
    Cancelled,
    Completed,
    Deferred,
    Entry,
    Failed,
    Permanent,
    Retry,
    Settled,
    describe,
    settle,
    write_json,
)
from processor.work.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.ports.store import Claimed, CompletedStep
    from processor.executors.loop_thread import LoopThread
    from processor.handlers.registry import Handler, Request
    from processor.work.lanes import Lane
    from processor.work.worker import Worker


class StopReason(Enum):
    """Why a running attempt is asked to stop; the value completes the sentence 'it has to stop: ...'."""

    CANCEL = "its job was cancelled"
    TIMEOUT = "it ran out of time"
    DRAIN = "its processor is shutting down"
    LOST = "it is no longer this processor's"


class Claim:
    """The jobs that were taken together; ``open`` counts those whose end is not recorded yet."""

    __slots__ = ("id", "open", "taken_at")

    def __init__(self, claim_id: UUID, jobs: int, taken_at: float) -> None:
        self.id: Final = claim_id
        self.open = jobs
        self.taken_at: Final = taken_at  # by the loop's clock


class Attempt:
    """What the processor keeps of an attempt: its job, its handler, and how it stands.

    ``over`` is set when its end was handed to the recorder, or when it is given up. The function may still be running
    then (a plain function cannot be stopped); whatever it says from there on changes nothing. ``late``: it ran out of
    time, and what it returns does not count. ``overdue``: and that some time ago.
    """

    __slots__ = (
        "_asked_to_stop",
        "_reports",
        "announced",
        "begun",
        "claim",
        "handler",
        "job",
        "lane",
        "late",
        "over",
        "overdue",
        "request",
        "started_at",
        "steps",
        "task",
        "timer",
        "worker",
    )  # fmt: skip

    request: Request

    def __init__(self, job: Claimed, handler: Handler, lane: Lane, claim: Claim, worker: Worker) -> None:
        self.job = job
        self.handler = handler
        self.lane = lane
        self.claim = claim
        self.steps: Mapping[str, str] = {}
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.started_at = 0.0
        self.begun = False
        self.late = False
        self.overdue = False
        self.over = False
        self.announced = False
        self.worker = worker
        self._reports: Reports | None = None
        self._asked_to_stop: StopReason | None = None

    @property
    def loop_thread(self) -> LoopThread:
        return self.worker.loop_thread

    @property
    def is_started(self) -> bool:
        """Whether its function was called."""
        return self.started_at > 0

    @property
    def must_stop(self) -> StopReason | None:
        """Why it has to stop, if it has to. Threads see a lost processor here before the event loop gets to them."""
        return StopReason.LOST if self.worker.identity.lost else self._asked_to_stop

    @must_stop.setter
    def must_stop(self, reason: StopReason) -> None:
        self._asked_to_stop = reason

    @property
    def timeout_s(self) -> float | None:
        """What the job asks for, or else its handler."""
        return self.handler.timeout_s if self.job.timeout_ms is None else self.job.timeout_ms / 1000

    @property
    def reports(self) -> Reports:
        """Its unsent reports; made when there is something to say, as most jobs say nothing."""
        if self._reports is None:
            with self.worker.reports_lock:
                if self._reports is None:
                    self._reports = Reports(self.job.attempt)
        return self._reports

    def take_reports(self) -> list[Entry]:
        return self._reports.take() if self._reports is not None else []

    def announce(self) -> None:
        """Tell the reporter that there is something to send. From any thread."""
        if not self.announced:
            self.announced = True
            self.loop_thread.post(self.worker.reporter.note, self)

    def record_step(self, name: str, result: str) -> Future[None]:
        """Have a completed step recorded; the future is done when it is. From any thread.

        Raises InvalidEvent for a name that not every reader can read.
        """
        data = (
            f'{{"attempt":{self.job.attempt},"step":{write_json(name, what="the name of a step")},"result":{result}}}'
        )
        receipt: Future[None] = Future()
        if not self.loop_thread.post(self._send_step, Entry("step.completed", data), receipt):
            receipt.set_exception(JobCancelled("the processor has ended"))
        return receipt

    def _send_step(self, entry: Entry, receipt: Future[None]) -> None:
        if self.over or self.must_stop is StopReason.LOST:
            receipt.set_exception(JobCancelled(f"attempt {self.job.attempt} of job {self.job.job_id} is over"))
        else:
            self.worker.recorder.add(self, [entry], receipt=receipt)

    def call(self) -> Settled | None:
        """Run a plain handler. Gives what came of it, and raises nothing."""
        try:
            value = self.handler.call(self.request.params, JobContext(self))
            self.loop_thread.process.end_child()
            return self.judge(value)
        except BaseException as error:
            self.loop_thread.process.end_child(error)
            return self.judge_error(error)

    async def call_async(self) -> Settled | None:
        """Run an async handler. Gives what came of it; raises only when the event loop is torn down."""
        self.begun = True
        try:
            if self.must_stop is not None:
                raise JobCancelled("stopped before it began")
            value = await self.handler.call(self.request.params, JobContext(self))
            self.loop_thread.process.end_child()
            return self.judge(value)
        except BaseException as error:
            self.loop_thread.process.end_child(error)
            if issubclass(type(error), GeneratorExit) and not self._is_current():
                raise  # this coroutine is closed from outside, and may do nothing any more
            return self.judge_error(error)

    def _is_current(self) -> bool:
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:
            return False

    def judge(self, value: Any) -> Settled:
        """The outcome that a handler's return value stands for."""
        if value is None:
            return NOTHING
        return settle(value if isinstance(value, OUTCOMES) else Completed(value))

    def judge_error(self, error: BaseException) -> Settled | None:
        """The outcome that an error stands for; None where nothing may be recorded any more.

        Once an attempt was asked to stop, every error counts as its stopping: cleaning up is not always tidy.
        """
        match self.must_stop:
            case StopReason.CANCEL:
                return Cancelled()
            case StopReason.TIMEOUT:
                return self.timed_out()
            case StopReason.DRAIN:
                return Deferred(after=0)
            case StopReason.LOST:
                return None
        if issubclass(type(error), JobCancelled):
            return Cancelled()
        drop_first_frame(error)
        if self._is_permanent(error):
            return Failed(describe(error, retryable=False))
        return Retry(error=describe(error, retryable=True))

    def _is_permanent(self, error: BaseException) -> bool:
        try:
            return isinstance(error, self.handler.no_retry)
        except BaseException:  # the classes are the handler's own, and so is what they say
            return issubclass(type(error), Permanent)

    def timed_out(self, took_s: float | None = None) -> Settled:
        """The outcome of an attempt that ran out of time, and how long it took in the end, where it has ended."""
        message = f"attempt {self.job.attempt} had {self.timeout_s:g} s"
        if took_s is not None:
            message += f", and returned after {took_s:.1f} s"
        return Retry(error=JobError(type="Timeout", message=message, retryable=True))


class UnreadableSteps(dict[str, str]):
    """The steps of a job of which one is recorded and cannot be read: nobody can tell which, so none may run again."""

    def get(self, name: str, *_default: object) -> Any:
        raise Permanent(
            f"a completed step of this job cannot be read, and step {name!r} may be the one",
            hint="see the job's history, and request the job anew",
        )


def read_steps(rows: Sequence[CompletedStep]) -> dict[str, dict[str, str]]:
    """The results of completed steps, as JSON text, by job and step. Of one step the first counts, as in the fold."""
    steps: dict[str, dict[str, str]] = {}
    for job_id, data in rows:
        try:
            step = from_json(data)
            steps.setdefault(job_id, {}).setdefault(step["step"], to_json(step.get("result")).decode())
        except (ValueError, TypeError, KeyError, AttributeError):
            steps[job_id] = UnreadableSteps()
    return steps
