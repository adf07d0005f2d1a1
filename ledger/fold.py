"""What events mean: the one definition, pure.

``fold(state, event)`` gives the state of a job after one more of its events. The same set of events gives the same
state in whatever order and however often they come: every part of the state is a register with a rule that does not
care for order (the earliest, the highest, the union), so that joining is commutative, associative and idempotent, as
in a state-based CRDT (Shapiro et al., 2011). What a person asks for (``status``, ``progress``, ...) is derived from
the registers when asked.

``ledger.sequence``, ``ledger.claim`` and ``ledger.record`` in schema.sql say the same in SQL, for whole batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeVar
from uuid import UUID

from pydantic import JsonValue, TypeAdapter

from ledger.events import (
    AttemptDeferredData,
    AttemptFailedData,
    AttemptLoggedData,
    AttemptLostData,
    AttemptProgressedData,
    AttemptStartedData,
    CancelRequestedData,
    Event,
    GivenRequest,
    Happened,
    JobCancelledData,
    JobCompletedData,
    JobError,
    JobFailedData,
    Limits,
    RequestedData,
    StepCompletedData,
)

Status = Literal["pending", "running", "completed", "failed", "cancelled"]
TERMINAL: Final[frozenset[str]] = frozenset({"completed", "failed", "cancelled"})


class Request(NamedTuple):
    """Who asked for what. The parameters stay in the event."""

    event_id: UUID
    at: datetime
    owner: str
    actor: str
    name: str
    namespace: str
    priority: int
    run_at: datetime | None
    limits: Limits
    key: str | None
    labels: Mapping[str, JsonValue]
    retry_of: UUID | None
    parent: UUID | None


class Cancel(NamedTuple):
    """The earliest request of one owner to cancel."""

    event_id: UUID
    at: datetime
    actor: str
    reason: str | None


class Start(NamedTuple):
    event_id: UUID
    at: datetime
    processor: UUID


class Progress(NamedTuple):
    n: int
    event_id: UUID
    at: datetime
    percent: float | None
    message: str | None
    data: JsonValue


class AttemptEnd(NamedTuple):
    """How an attempt ended. ``next_at``: when the next one may start; None after a failure ends the job."""

    kind: Literal["failed", "deferred", "lost"]
    event_id: UUID
    at: datetime
    next_at: datetime | None
    error: JobError | None = None


class Attempt(NamedTuple):
    start: Start | None = None
    progress: Progress | None = None
    lines: int = 0
    end: AttemptEnd | None = None


_UNKNOWN: Final = Attempt()


class Step(NamedTuple):
    event_id: UUID
    attempt: int
    result: JsonValue


class Ending(NamedTuple):
    """The terminal event of a job."""

    event_id: UUID
    at: datetime
    status: Literal["completed", "failed", "cancelled"]
    attempt: int | None
    result: JsonValue = None
    error: JobError | None = None


class Reading(NamedTuple):
    """What a state says of its job. ``JobState`` has a property for each; all of them at once cost no more than one."""

    status: Status | None
    """None while the request itself has not been seen, nor anything that followed from it."""
    run_at: datetime | None
    """Before when a pending job does not start; None: it may start at once, or it is not pending."""
    started_at: datetime | None
    finished_at: datetime | None
    progress: Progress | None
    """The last progress of the current or last attempt."""
    result: JsonValue
    error: JobError | None
    """Why the job, or its last ended attempt, failed."""


class JobState(NamedTuple):
    """What the events of one job add up to so far. An empty state knows only the job's id."""

    job_id: UUID
    request: Request | None = None
    cancels: Mapping[str, Cancel] = {}
    attempts: Mapping[int, Attempt] = {}
    steps: Mapping[str, Step] = {}
    ending: Ending | None = None

    @property
    def attempt(self) -> int:
        """The number of the current or last attempt; 0 before the first."""
        return max(self.attempts, default=0)

    @property
    def current(self) -> Attempt:
        return self.attempts[max(self.attempts)] if self.attempts else _UNKNOWN

    @property
    def cancel(self) -> Cancel | None:
        """The cancel that counts: only the job's own owner can ask for it."""
        return self.cancels.get(self.request.owner) if self.request else None

    def read(self) -> Reading:
        """What the state says of its job."""
        _, request, _, attempts, _, ending = self
        current = self.current
        started = [attempt.start.at for attempt in attempts.values() if attempt.start]
        started_at = min(started) if started else None
        if ending:
            return Reading(
                ending.status, None, started_at, ending.at, current.progress, ending.result, ending.error
            )  # fmt: skip
        ended = [number for number, attempt in attempts.items() if attempt.end and attempt.end.error]
        failed = attempts[max(ended)].end if ended else None
        status: Status | None
        run_at = finished_at = None
        end, cancel = current.end, self.cancel
        if attempts and end is None:
            status = "running"
        elif end and end.next_at is None:
            status, finished_at = "failed", end.at
        elif not attempts and request is None:
            status = None
        elif cancel:
            status, finished_at = "cancelled", cancel.at
        else:
            status, run_at = "pending", end.next_at if end else request and request.run_at
        return Reading(
            status, run_at, started_at, finished_at, current.progress, None, failed.error if failed else None
        )  # fmt: skip

    @property
    def status(self) -> Status | None:
        return self.read().status

    @property
    def run_at(self) -> datetime | None:
        return self.read().run_at

    @property
    def started_at(self) -> datetime | None:
        return self.read().started_at

    @property
    def finished_at(self) -> datetime | None:
        return self.read().finished_at

    @property
    def progress(self) -> Progress | None:
        return self.read().progress

    @property
    def result(self) -> JsonValue:
        return self.read().result

    @property
    def error(self) -> JobError | None:
        return self.read().error

    @property
    def processor(self) -> UUID | None:
        """Who is running it."""
        return self.current.start.processor if self.status == "running" and self.current.start else None

    @property
    def failures(self) -> int:
        """Attempts that count against ``max_attempts``."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "failed")

    @property
    def losses(self) -> int:
        """Attempts whose processor went away; they have a budget of their own."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "lost")


def fold(state: JobState, event: Happened[Any]) -> JobState:
    """The state after one more event of the same job; the same state where the event adds nothing."""
    # what an event means is told by what it carries: attempt.superseded, the operator's events and types from another
    # time change no job
    effect = _EFFECTS.get(type(event.data))
    return state if effect is None else effect(state, event)


def fold_all(events: Iterable[Event], states: Mapping[UUID, JobState] | None = None) -> dict[UUID, JobState]:
    """Fold the events of many jobs, in any order, on top of the states given. Gives the states of all jobs met."""
    folded = dict(states or {})
    for event in events:
        if event.job_id is not None:
            folded[event.job_id] = fold(folded.get(event.job_id) or JobState(event.job_id), event)
    return folded


def projection(state: JobState) -> dict[str, Any] | None:
    """The row of ``ledger.jobs`` for this state, without what is not the fold's; None before the request is known."""
    request, reading = state.request, state.read()
    if request is None:
        return None
    return {
        "job_id": state.job_id,
        "requested_at": request.at,
        "run_at": reading.run_at,
        "expires_at": request.limits.expires_at,
        "cancel_requested_at": state.cancel.at if state.cancel else None,
        "started_at": reading.started_at,
        "finished_at": reading.finished_at,
        "processor": state.processor,
        "attempt": state.attempt,
        "failures": state.failures,
        "losses": state.losses,
        "max_attempts": request.limits.max_attempts,
        "timeout_ms": None if request.limits.timeout is None else round(request.limits.timeout * 1000),
        "priority": request.priority,
        "status": reading.status,
        "owner": request.owner,
        "namespace": request.namespace,
        "name": request.name,
    }


_STATE: Final = TypeAdapter(JobState)
T = TypeVar("T", Request, Start, AttemptEnd, Ending)


def dump_state(state: JobState) -> str:
    """The state as JSON text, to keep between two batches: arrays by position, so a new field goes to the end."""
    return _STATE.dump_json(state).decode()


def load_state(text: str) -> JobState:
    """The state that ``dump_state`` wrote."""
    return _STATE.validate_json(text)


def _earlier(known: T | None, new: T) -> T:
    return new if known is None or new.event_id < known.event_id else known


# Spelled out, as _replace costs twice as much as making a state from its parts.


def _with_request(state: JobState, event: Happened[GivenRequest]) -> JobState:
    _, _, cancels, attempts, steps, ending = state
    data = event.data
    request = Request(
        event.id, event.at, event.owner, event.actor, data.name, data.namespace, data.priority, data.run_at,
        data.limits, data.key, data.labels, data.retry_of, data.parent,
    )  # fmt: skip
    return JobState(state.job_id, _earlier(state.request, request), cancels, attempts, steps, ending)


def _with_cancel(state: JobState, event: Happened[CancelRequestedData]) -> JobState:
    mine = Cancel(event.id, event.at, event.actor, event.data.reason)
    other = state.cancels.get(event.owner)
    earlier = min(mine, other, key=lambda c: (c.at, c.event_id)) if other else mine
    return state._replace(cancels={**state.cancels, event.owner: earlier})


def _with_start(state: JobState, event: Happened[AttemptStartedData]) -> JobState:
    number = event.data.attempt
    start, progress, lines, end = state.attempts.get(number, _UNKNOWN)
    start = _earlier(start, Start(event.id, event.at, event.data.processor))
    return _with_attempt(state, number, Attempt(start, progress, lines, end))


def _with_progress(state: JobState, event: Happened[AttemptProgressedData]) -> JobState:
    data = event.data
    start, known, lines, end = state.attempts.get(data.attempt, _UNKNOWN)
    if known and (known.n, known.event_id) >= (data.n, event.id):
        return state
    progress = Progress(data.n, event.id, event.at, data.percent, data.message, data.data)
    return _with_attempt(state, data.attempt, Attempt(start, progress, lines, end))


def _with_lines(state: JobState, event: Happened[AttemptLoggedData]) -> JobState:
    start, progress, known, end = state.attempts.get(event.data.attempt, _UNKNOWN)
    lines = max(known, event.data.first + len(event.data.lines) - 1)
    return _with_attempt(state, event.data.attempt, Attempt(start, progress, lines, end))


def _with_step(state: JobState, event: Happened[StepCompletedData]) -> JobState:
    step = Step(event.id, event.data.attempt, event.data.result)
    known = state.steps.get(event.data.step)
    first = min(step, known, key=lambda s: (s.attempt, s.event_id)) if known else step
    return state._replace(steps={**state.steps, event.data.step: first})


def _with_failure(state: JobState, event: Happened[AttemptFailedData]) -> JobState:
    end = AttemptEnd("failed", event.id, event.at, event.data.retry_at, event.data.error)
    return _with_end(state, event.data.attempt, end)


def _with_deferral(state: JobState, event: Happened[AttemptDeferredData]) -> JobState:
    return _with_end(state, event.data.attempt, AttemptEnd("deferred", event.id, event.at, event.data.until))


def _with_loss(state: JobState, event: Happened[AttemptLostData]) -> JobState:
    return _with_end(state, event.data.attempt, AttemptEnd("lost", event.id, event.at, event.data.retry_at))


def _completed(state: JobState, event: Happened[JobCompletedData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "completed", event.data.attempt, event.data.result))


def _failed(state: JobState, event: Happened[JobFailedData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "failed", None, None, event.data.error))


def _cancelled(state: JobState, event: Happened[JobCancelledData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "cancelled", event.data.attempt))


def _with_attempt(state: JobState, number: int, attempt: Attempt) -> JobState:
    job_id, request, cancels, attempts, steps, ending = state
    return JobState(job_id, request, cancels, {**attempts, number: attempt}, steps, ending)


def _with_end(state: JobState, number: int, new: AttemptEnd) -> JobState:
    start, progress, lines, end = state.attempts.get(number, _UNKNOWN)
    return _with_attempt(state, number, Attempt(start, progress, lines, _earlier(end, new)))


def _with_ending(state: JobState, new: Ending) -> JobState:
    job_id, request, cancels, attempts, steps, ending = state
    return JobState(job_id, request, cancels, attempts, steps, _earlier(ending, new))


_EFFECTS: Final[dict[type, Callable[[JobState, Happened[Any]], JobState]]] = {
    RequestedData: _with_request,
    GivenRequest: _with_request,
    CancelRequestedData: _with_cancel,
    AttemptStartedData: _with_start,
    AttemptProgressedData: _with_progress,
    AttemptLoggedData: _with_lines,
    StepCompletedData: _with_step,
    AttemptFailedData: _with_failure,
    AttemptDeferredData: _with_deferral,
    AttemptLostData: _with_loss,
    JobCompletedData: _completed,
    JobFailedData: _failed,
    JobCancelledData: _cancelled,
}
