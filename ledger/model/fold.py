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
from typing import Any, Final, TypeVar
from uuid import UUID

from ledger.model.data import (
    AttemptDeferredData,
    AttemptFailedData,
    AttemptLoggedData,
    AttemptLostData,
    AttemptProgressedData,
    AttemptStartedData,
    AttemptSuspendedData,
    CancelRequestedData,
    GivenRequest,
    JobCancelledData,
    JobCompletedData,
    JobFailedData,
    RequestedData,
    SignalledData,
    StepCompletedData,
)
from ledger.model.events import Event
from ledger.model.facts import Happened
from ledger.model.state import (
    UNKNOWN,
    Attempt,
    AttemptEnd,
    Cancel,
    Ending,
    JobState,
    Progress,
    Request,
    Signal,
    Start,
    Step,
    dump_state,
    load_state,
    projection,
)

__all__ = ["Attempt", "JobState", "Request", "dump_state", "fold", "fold_all", "load_state", "projection"]

T = TypeVar("T", Request, Start, AttemptEnd, Ending)


def fold(state: JobState, event: Happened[Any]) -> JobState:
    """The state after one more event of the same job; the same state where the event adds nothing."""
    # the class of the data tells the meaning; what has no line in _EFFECTS changes no job
    effect = _EFFECTS.get(type(event.data))
    return state if effect is None else effect(state, event)


def fold_all(events: Iterable[Event], states: Mapping[UUID, JobState] | None = None) -> dict[UUID, JobState]:
    """Fold the events of many jobs, in any order, on top of the states given. Gives the states of all jobs met."""
    folded = dict(states or {})
    for event in events:
        if event.job_id is not None:
            folded[event.job_id] = fold(folded.get(event.job_id) or JobState(event.job_id), event)
    return folded


def _earlier(known: T | None, new: T) -> T:
    return new if known is None or new.event_id < known.event_id else known


# Spelled out, as _replace costs twice as much as making a state from its parts.


def _with_request(state: JobState, event: Happened[GivenRequest]) -> JobState:
    _, _, cancels, attempts, steps, ending, signals = state
    data = event.data
    request = Request(
        event.id, event.at, event.owner, event.actor, data.name, data.namespace, data.priority, data.run_at,
        data.limits, data.key, data.labels, data.retry_of, data.parent, event.correlation_id,
    )  # fmt: skip
    return JobState(state.job_id, _earlier(state.request, request), cancels, attempts, steps, ending, signals)


def _with_cancel(state: JobState, event: Happened[CancelRequestedData]) -> JobState:
    mine = Cancel(event.id, event.at, event.actor, event.data.reason)
    other = state.cancels.get(event.owner)
    earlier = min(mine, other, key=lambda c: (c.at, c.event_id)) if other else mine
    return state._replace(cancels={**state.cancels, event.owner: earlier})


def _with_signal(state: JobState, event: Happened[SignalledData]) -> JobState:
    signal = Signal(event.at, event.owner, event.actor, event.data.name)
    return state._replace(signals={**state.signals, event.id: signal})


def _with_start(state: JobState, event: Happened[AttemptStartedData]) -> JobState:
    number = event.data.attempt
    start, progress, lines, end = state.attempts.get(number, UNKNOWN)
    start = _earlier(start, Start(event.id, event.at, event.data.processor))
    return _with_attempt(state, number, Attempt(start, progress, lines, end))


def _with_progress(state: JobState, event: Happened[AttemptProgressedData]) -> JobState:
    data = event.data
    start, known, lines, end = state.attempts.get(data.attempt, UNKNOWN)
    if known and (known.n, known.event_id) >= (data.n, event.id):
        return state
    progress = Progress(data.n, event.id, event.at, data.percent, data.message, data.data)
    return _with_attempt(state, data.attempt, Attempt(start, progress, lines, end))


def _with_lines(state: JobState, event: Happened[AttemptLoggedData]) -> JobState:
    start, progress, known, end = state.attempts.get(event.data.attempt, UNKNOWN)
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


def _with_suspension(state: JobState, event: Happened[AttemptSuspendedData]) -> JobState:
    end = AttemptEnd("suspended", event.id, event.at, event.data.until, None, event.data.reason)
    return _with_end(state, event.data.attempt, end)


def _with_loss(state: JobState, event: Happened[AttemptLostData]) -> JobState:
    return _with_end(state, event.data.attempt, AttemptEnd("lost", event.id, event.at, event.data.retry_at))


def _completed(state: JobState, event: Happened[JobCompletedData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "completed", event.data.attempt, event.data.result))


def _failed(state: JobState, event: Happened[JobFailedData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "failed", None, None, event.data.error))


def _cancelled(state: JobState, event: Happened[JobCancelledData]) -> JobState:
    return _with_ending(state, Ending(event.id, event.at, "cancelled", event.data.attempt))


def _with_attempt(state: JobState, number: int, attempt: Attempt) -> JobState:
    job_id, request, cancels, attempts, steps, ending, signals = state
    return JobState(job_id, request, cancels, {**attempts, number: attempt}, steps, ending, signals)


def _with_end(state: JobState, number: int, new: AttemptEnd) -> JobState:
    start, progress, lines, end = state.attempts.get(number, UNKNOWN)
    return _with_attempt(state, number, Attempt(start, progress, lines, _earlier(end, new)))


def _with_ending(state: JobState, new: Ending) -> JobState:
    job_id, request, cancels, attempts, steps, ending, signals = state
    return JobState(job_id, request, cancels, attempts, steps, _earlier(ending, new), signals)


_EFFECTS: Final[dict[type, Callable[[JobState, Happened[Any]], JobState]]] = {
    RequestedData: _with_request,
    GivenRequest: _with_request,
    CancelRequestedData: _with_cancel,
    SignalledData: _with_signal,
    AttemptStartedData: _with_start,
    AttemptProgressedData: _with_progress,
    AttemptLoggedData: _with_lines,
    StepCompletedData: _with_step,
    AttemptFailedData: _with_failure,
    AttemptDeferredData: _with_deferral,
    AttemptSuspendedData: _with_suspension,
    AttemptLostData: _with_loss,
    JobCompletedData: _completed,
    JobFailedData: _failed,
    JobCancelledData: _cancelled,
}
