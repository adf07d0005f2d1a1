"""What the events of a job add up to: registers, and what they say when asked. ``ledger.model.fold`` fills them.

A state is stored as arrays by position, and older ones have to be read: new fields go to the end, with a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from pydantic import JsonValue, TypeAdapter

from ledger.model.data import JobError, Limits
from ledger.model.waiting import WaitingReason

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
    correlation_id: UUID | None = None


class Cancel(NamedTuple):
    """The earliest request of one owner to cancel."""

    event_id: UUID
    at: datetime
    actor: str
    reason: str | None


class Signal(NamedTuple):
    """A signal that came for the job. What it says stays in the event; only the job's own owner's count."""

    at: datetime
    owner: str
    actor: str
    name: str


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
    """How an attempt ended. ``next_at``: when the next one may start; None after a failure or a loss ends the job.

    ``waits_for`` is the reason of an attempt that was suspended.
    """

    kind: Literal["failed", "deferred", "lost", "suspended"]
    event_id: UUID
    at: datetime
    next_at: datetime | None
    error: JobError | None = None
    waits_for: str | None = None


class Attempt(NamedTuple):
    start: Start | None = None
    progress: Progress | None = None
    lines: int = 0
    end: AttemptEnd | None = None


UNKNOWN: Final = Attempt()


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
    processor: UUID | None = None
    """Who is running it."""
    waits_for: str | None = None
    """Why it waits, a ``WaitingReason`` as a rule; None: it may start, or it is not pending."""


class JobState(NamedTuple):
    """What the events of one job add up to so far. An empty state knows only the job's id."""

    job_id: UUID
    request: Request | None = None
    cancels: Mapping[str, Cancel] = {}
    attempts: Mapping[int, Attempt] = {}
    steps: Mapping[str, Step] = {}
    ending: Ending | None = None
    signals: Mapping[UUID, Signal] = {}

    @property
    def attempt(self) -> int:
        """The number of the current or last attempt; 0 before the first."""
        return max(self.attempts, default=0)

    @property
    def current(self) -> Attempt:
        return self.attempts[max(self.attempts)] if self.attempts else UNKNOWN

    @property
    def cancel(self) -> Cancel | None:
        """The cancel that counts: only the job's own owner can ask for it."""
        return self.cancels.get(self.request.owner) if self.request else None

    def read(self) -> Reading:
        """What the state says of its job."""
        _, request, _, attempts, _, ending, _ = self
        current = self.current
        started = [attempt.start.at for attempt in attempts.values() if attempt.start]
        started_at = min(started) if started else None
        if ending:
            return Reading(ending.status, None, started_at, ending.at, current.progress, ending.result, ending.error)
        ended = [number for number, attempt in attempts.items() if attempt.end and attempt.end.error]
        failed = attempts[max(ended)].end if ended else None
        status: Status | None
        run_at = finished_at = processor = waits_for = None
        end, cancel = current.end, self.cancel
        if attempts and end is None:
            status, processor = "running", current.start.processor if current.start else None
        elif end and end.next_at is None and end.kind != "suspended":
            status, finished_at = "failed", end.at
        elif not attempts and request is None:
            status = None
        elif cancel:
            status, finished_at = "cancelled", cancel.at
        else:
            status, run_at = "pending", end.next_at if end else request and request.run_at
            waits_for = end.waits_for if end and end.kind == "suspended" else _reason(end, run_at)
        error = failed.error if failed else None
        return Reading(status, run_at, started_at, finished_at, current.progress, None, error, processor, waits_for)

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
        return self.read().processor

    @property
    def waits_for(self) -> str | None:
        return self.read().waits_for

    @property
    def failures(self) -> int:
        """Attempts that count against ``max_attempts``."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "failed")

    @property
    def losses(self) -> int:
        """Attempts whose processor went away; they have a budget of their own."""
        return sum(1 for attempt in self.attempts.values() if attempt.end and attempt.end.kind == "lost")


def _reason(end: AttemptEnd | None, run_at: datetime | None) -> str | None:
    if run_at is None:
        return None
    return WaitingReason.RETRYING if end and end.kind != "deferred" else WaitingReason.DUE


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
        "processor": reading.processor,
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
        "key": request.key,
        "parent": request.parent,
        "retry_of": request.retry_of,
        "correlation_id": request.correlation_id,
        "labels": request.labels or None,
    }


_STATE: Final = TypeAdapter(JobState)


def dump_state(state: JobState) -> str:
    """The state as JSON text, to keep between two batches: arrays by position, so a new field goes to the end."""
    return _STATE.dump_json(state).decode()


def load_state(text: str) -> JobState:
    """The state that ``dump_state`` wrote."""
    return _STATE.validate_json(text)
