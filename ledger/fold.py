"""What events mean: the one definition, pure.

``fold(state, event)`` gives the state of a job after one more of its events. The same set of events gives the same
state in whatever order and however often they come: every part of the state is a register with a rule that does not
care for order (the earliest, the highest, the union), so that joining is commutative, associative and idempotent, as
in a state-based CRDT (Shapiro et al., 2011). What a person asks for (``status``, ``progress``, ...) is derived from
the registers when asked.

``ledger.sequence``, ``ledger.claim`` and ``ledger.record`` in schema.sql say the same in SQL, for whole batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeVar
from uuid import UUID

from pydantic import JsonValue, TypeAdapter

from ledger.events import (
    AttemptDeferred,
    AttemptFailed,
    AttemptLogged,
    AttemptLost,
    AttemptProgressed,
    AttemptStarted,
    CancelRequested,
    Event,
    JobCancelled,
    JobCompleted,
    JobError,
    JobFailed,
    JobRequested,
    Limits,
    StepCompleted,
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
        return self.attempts.get(self.attempt, _UNKNOWN)

    @property
    def cancel(self) -> Cancel | None:
        """The cancel that counts: only the job's own owner can ask for it."""
        return self.cancels.get(self.request.owner) if self.request else None

    @property
    def status(self) -> Status | None:
        """None while the request itself has not been seen, nor anything that followed from it."""
        if self.ending:
            return self.ending.status
        if self.attempts:
            end = self.current.end
            if end is None:
                return "running"
            if end.next_at is None:
                return "failed"
        elif self.request is None:
            return None
        return "cancelled" if self.cancel else "pending"

    @property
    def run_at(self) -> datetime | None:
        """Before when a pending job does not start; None: it may start at once, or it is not pending."""
        if self.status != "pending":
            return None
        if self.current.end:
            return self.current.end.next_at
        return self.request.run_at if self.request else None

    @property
    def processor(self) -> UUID | None:
        """Who is running it."""
        return self.current.start.processor if self.status == "running" and self.current.start else None

    @property
    def progress(self) -> Progress | None:
        """The last progress of the current or last attempt."""
        return self.current.progress

    @property
    def failures(self) -> int:
        """Attempts that count against ``max_attempts``."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "failed")

    @property
    def losses(self) -> int:
        """Attempts whose processor went away; they have a budget of their own."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "lost")

    @property
    def started_at(self) -> datetime | None:
        return min((a.start.at for a in self.attempts.values() if a.start), default=None)

    @property
    def finished_at(self) -> datetime | None:
        if self.ending:
            return self.ending.at
        match self.status:
            case "failed":
                return self.current.end.at if self.current.end else None
            case "cancelled":
                return self.cancel.at if self.cancel else None
        return None

    @property
    def result(self) -> JsonValue:
        return self.ending.result if self.ending else None

    @property
    def error(self) -> JobError | None:
        """Why the job, or its last ended attempt, failed."""
        if self.ending:
            return self.ending.error
        ended = [number for number, attempt in self.attempts.items() if attempt.end and attempt.end.error]
        end = self.attempts[max(ended)].end if ended else None
        return end.error if end else None


def fold(state: JobState, event: Event) -> JobState:
    """The state after one more event of the same job; the same state where the event adds nothing."""
    match event:
        case JobRequested():
            return state._replace(request=_earlier(state.request, _request(event)))
        case CancelRequested():
            mine = Cancel(event.id, event.at, event.actor, event.data.reason)
            other = state.cancels.get(event.owner)
            earlier = min(mine, other, key=lambda c: (c.at, c.event_id)) if other else mine
            return state._replace(cancels={**state.cancels, event.owner: earlier})
        case AttemptStarted():
            start = Start(event.id, event.at, event.data.processor)
            attempt = state.attempts.get(event.data.attempt, _UNKNOWN)
            return _with_attempt(state, event.data.attempt, attempt._replace(start=_earlier(attempt.start, start)))
        case AttemptProgressed():
            data = event.data
            progress = Progress(data.n, event.id, event.at, data.percent, data.message, data.data)
            attempt = state.attempts.get(data.attempt, _UNKNOWN)
            if attempt.progress and (attempt.progress.n, attempt.progress.event_id) >= (data.n, event.id):
                return state
            return _with_attempt(state, data.attempt, attempt._replace(progress=progress))
        case AttemptLogged():
            attempt = state.attempts.get(event.data.attempt, _UNKNOWN)
            lines = max(attempt.lines, event.data.first + len(event.data.lines) - 1)
            return _with_attempt(state, event.data.attempt, attempt._replace(lines=lines))
        case StepCompleted():
            step = Step(event.id, event.data.attempt, event.data.result)
            known = state.steps.get(event.data.step)
            first = min(step, known, key=lambda s: (s.attempt, s.event_id)) if known else step
            return state._replace(steps={**state.steps, event.data.step: first})
        case AttemptFailed():
            end = AttemptEnd("failed", event.id, event.at, event.data.retry_at, event.data.error)
            return _with_end(state, event.data.attempt, end)
        case AttemptDeferred():
            return _with_end(state, event.data.attempt, AttemptEnd("deferred", event.id, event.at, event.data.until))
        case AttemptLost():
            return _with_end(state, event.data.attempt, AttemptEnd("lost", event.id, event.at, event.data.retry_at))
        case JobCompleted():
            ending = Ending(event.id, event.at, "completed", event.data.attempt, event.data.result)
            return state._replace(ending=_earlier(state.ending, ending))
        case JobFailed():
            ending = Ending(event.id, event.at, "failed", None, None, event.data.error)
            return state._replace(ending=_earlier(state.ending, ending))
        case JobCancelled():
            ending = Ending(event.id, event.at, "cancelled", event.data.attempt)
            return state._replace(ending=_earlier(state.ending, ending))
    # attempt.superseded, the operator's events and types from another time change no job
    return state


def fold_all(events: Iterable[Event], states: Mapping[UUID, JobState] | None = None) -> dict[UUID, JobState]:
    """Fold the events of many jobs, in any order, on top of the states given. Gives the states of all jobs met."""
    folded = dict(states or {})
    for event in events:
        if event.job_id is not None:
            folded[event.job_id] = fold(folded.get(event.job_id) or JobState(event.job_id), event)
    return folded


def projection(state: JobState) -> dict[str, Any] | None:
    """The row of ``ledger.jobs`` for this state, without what is not the fold's; None before the request is known."""
    request = state.request
    if request is None:
        return None
    return {
        "job_id": state.job_id,
        "requested_at": request.at,
        "run_at": state.run_at,
        "expires_at": request.limits.expires_at,
        "cancel_requested_at": state.cancel.at if state.cancel else None,
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "processor": state.processor,
        "attempt": state.attempt,
        "failures": state.failures,
        "losses": state.losses,
        "max_attempts": request.limits.max_attempts,
        "timeout_ms": None if request.limits.timeout is None else round(request.limits.timeout * 1000),
        "priority": request.priority,
        "status": state.status,
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


def _with_attempt(state: JobState, number: int, attempt: Attempt) -> JobState:
    return state._replace(attempts={**state.attempts, number: attempt})


def _with_end(state: JobState, number: int, end: AttemptEnd) -> JobState:
    attempt = state.attempts.get(number, _UNKNOWN)
    return _with_attempt(state, number, attempt._replace(end=_earlier(attempt.end, end)))


def _request(event: JobRequested) -> Request:
    data = event.data
    return Request(
        event.id, event.at, event.owner, event.actor, data.name, data.namespace, data.priority, data.run_at,
        data.limits, data.key, data.labels, data.retry_of, data.parent,
    )  # fmt: skip
