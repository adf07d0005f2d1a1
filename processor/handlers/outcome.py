"""How an attempt can end, and the events that say so: pure.

A handler may return one of these values, return anything else (which is then the result), or raise:

    match outcome:
        Completed(result)      the job is done
        Retry(after, error)    this attempt failed; another one follows, as long as attempts are left
        Failed(error)          the job failed; no further attempt
        Deferred(...)          not now: another attempt later, which costs nothing
        Cancelled()            the job ends as cancelled
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from ledger.errors import InvalidEvent, LedgerError
from ledger.model.data import (
    MAX_EVENT_BYTES,
    AttemptDeferredData,
    AttemptFailedData,
    AttemptLostData,
    JobError,
    JobFailedData,
    write_data,
)
from ledger.model.readable import HINT, MAX_DEPTH, find_unreadable, is_suspect
from ledger.model.times import later, within_reach
from ledger.ports.store import Claimed
from processor.handlers.describe import (
    MAX_MESSAGE_CHARS,
    MAX_TRACEBACK_CHARS,
    MAX_TYPE_CHARS,
    describe_exception,
    storable,
)
from processor.handlers.retry import RetryPolicy

ROOM_FOR_ENVELOPE: Final = 200
"""Bytes that the fields around a result may take."""


class Permanent(LedgerError):
    """Raised by a handler: this cannot succeed, however often it is tried. The job fails at once."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The job is done; ``result`` is anything that pydantic can write as JSON."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class Retry:
    """This attempt failed. The next starts after ``after`` seconds, or when the policy says. Without one left the job
    fails."""

    after: float | None = None
    error: BaseException | JobError | str | None = None

    def __post_init__(self) -> None:
        if self.after is not None and not 0 <= self.after < float("inf"):
            raise ValueError(f"after must be a number of seconds, not {self.after!r}")


@dataclass(frozen=True, slots=True)
class Failed:
    """The job failed, and is not tried again."""

    error: BaseException | JobError | str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: the next attempt starts at ``until`` (an aware time) or in ``after`` seconds. It costs no attempt."""

    until: datetime | None = None
    after: float | None = None

    def __post_init__(self) -> None:
        if (self.until is None) == (self.after is None):
            raise ValueError("a deferral needs either a time (until) or a number of seconds (after)")
        if self.until is not None and self.until.utcoffset() is None:
            raise ValueError("until needs a time zone: datetime.now(UTC) + ...")
        if self.after is not None and not 0 <= self.after < float("inf"):
            raise ValueError(f"after must be a number of seconds, not {self.after!r}")


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job ends as cancelled."""


Outcome: TypeAlias = Completed | Retry | Failed | Deferred | Cancelled
OUTCOMES: Final = (Completed, Retry, Failed, Deferred, Cancelled)


@dataclass(frozen=True, slots=True)
class Written:
    """What becomes of ``Completed`` where its handler ran: the result as JSON text, None where there is none."""

    text: str | None = None


Settled: TypeAlias = Written | Retry | Failed | Deferred | Cancelled
"""An outcome that holds nothing of the handler's any more, so that no code of its runs in recording it."""
NOTHING: Final = Written()


class Entry(NamedTuple):
    """An event yet without its envelope: type, and data as JSON text."""

    type: str
    data: str


def settle(outcome: Outcome) -> Settled:
    """Write the result and describe the error, whose own code may then run: to be called where the handler ran.

    A result that cannot be written fails the job: trying again would not help.
    """
    match outcome:
        case Completed(None):
            return NOTHING
        case Completed(result):
            try:
                return Written(write_json(result, what="the result"))
            except InvalidEvent as error:
                return Failed(JobError(type="InvalidResult", message=error.message, retryable=False))
            except BaseException as error:
                return Failed(_trouble(error, "InvalidResult", "the result cannot be written"))
        case Retry(after, error) if error is not None:
            return Retry(after, describe(error, retryable=True))
        case Failed(error):
            return Failed(describe(error, retryable=False))
        case _:
            return outcome


def conclude(
    job: Claimed,
    outcome: Outcome | Written,
    now: datetime,
    policy: RetryPolicy,
    *,
    max_attempts: int | None = None,
    chance: float = 0.0,
) -> list[Entry]:
    """The events that record how this attempt ended.

    ``now`` is the server's time, ``chance`` a random number from 0 up to 1, ``max_attempts`` the handler's own (what
    the job asks for goes before it).
    """
    settled = outcome if isinstance(outcome, Written) else settle(outcome)
    match settled:
        case Written(text):
            return conclude_completion(job, text)
        case Retry(after, error):
            limit = job.max_attempts if job.max_attempts is not None else max_attempts
            retry_at = policy.after_failure(job.failures + 1, now, max_attempts=limit, chance=chance)
            if retry_at is not None and after is not None:
                retry_at = later(now, after)
            reason = "the handler asked for another attempt" if error is None else error
            return _failed(job, describe(reason, retryable=True), retry_at)
        case Failed(error):
            return _failed(job, describe(error, retryable=False), None)
        case Deferred(until, after):
            at = within_reach(until) if until is not None else later(now, after or 0)
            return [Entry("attempt.deferred", write_data(AttemptDeferredData(attempt=job.attempt, until=at)))]
        case Cancelled():
            return [Entry("job.cancelled", f'{{"attempt":{job.attempt}}}')]


def conclude_completion(job: Claimed, text: str | None) -> list[Entry]:
    """``conclude`` for what most attempts come to: it needs no time and no policy."""
    if text is None:
        return [Entry("job.completed", f'{{"attempt":{job.attempt}}}')]
    return [Entry("job.completed", f'{{"attempt":{job.attempt},"result":{text}}}')]


def conclude_trouble(job: Claimed, error: BaseException) -> list[Entry]:
    """The events for an attempt whose end cannot be recorded as it was: the job fails, and says why."""
    return _failed(job, _trouble(error, "Unrecordable", "how it ended cannot be recorded"), None)


def conclude_loss(
    attempt: int,
    losses: int,
    processor: str,
    noticed_by: str,
    now: datetime,
    policy: RetryPolicy,
    *,
    alone: bool | None = None,
    chance: float = 0.0,
) -> list[Entry]:
    """The events for an attempt whose processor is gone.

    ``losses`` are those before this one that count. ``alone`` says whether this one does, once it should have run so.
    """
    if alone is False:
        retry_at: datetime | None = now + policy.wait(max(losses, 1), chance)
    else:
        retry_at = policy.after_loss(losses + 1, now, chance=chance)
    lost = AttemptLostData.model_validate(
        {"attempt": attempt, "processor": processor, "noticed_by": noticed_by, "retry_at": retry_at, "alone": alone}
    )
    entries = [Entry("attempt.lost", write_data(lost))]
    if retry_at is None:
        message = f"{losses + 1} attempts were lost together with their processors"
        error = JobError(type="Lost", message=message, retryable=True)
        entries.append(Entry("job.failed", write_data(JobFailedData(attempts=attempt, error=error))))
    return entries


def describe(error: BaseException | JobError | str, *, retryable: bool) -> JobError:
    """An error as it is recorded: bounded, and free of what a database cannot store. It raises nothing."""
    # type, and not isinstance: a value's own code may have a say in that
    kind = type(error)
    if issubclass(kind, str):
        return JobError(type="Error", message=storable(cast("str", error), MAX_MESSAGE_CHARS), retryable=retryable)
    try:
        if issubclass(kind, JobError):
            return _bounded(cast("JobError", error))
    except BaseException as trouble:
        return describe_exception(trouble, retryable=retryable)
    return describe_exception(error, retryable=retryable)


def write_json(value: Any, *, what: str) -> str:
    """Write a handler's value as JSON text, which comes back as it is.

    Raises InvalidEvent, which names the field, for what not every reader can read (see ``ledger.model.readable``),
    for what cannot be written, and for what is too long to record.
    """
    try:
        written = to_json(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        if wrong := find_unreadable(value, MAX_DEPTH - 1):
            raise InvalidEvent(f"{what}: {wrong}", hint=HINT) from error
        raise InvalidEvent(
            f"{what} cannot be written as JSON: {error}", hint="use what pydantic can serialize"
        ) from error
    text = written.decode()
    # a model writes its own NaN as null, whatever is asked for: so it is looked for in the values
    if is_suspect(text, MAX_DEPTH - 1) or "null" in text or "NaN" in text or "Infinity" in text:
        wrong = find_unreadable(to_jsonable_python(value, inf_nan_mode="constants"), MAX_DEPTH - 1)
        if wrong:
            raise InvalidEvent(f"{what}: {wrong}", hint=HINT)
    if len(written) > MAX_EVENT_BYTES - ROOM_FOR_ENVELOPE:
        raise InvalidEvent(
            f"{what} has {len(written)} bytes of JSON; an event holds {MAX_EVENT_BYTES}",
            hint="store it elsewhere, and record where",
        )
    return text


def _trouble(error: BaseException, kind: str, what: str) -> JobError:
    found = describe(error, retryable=False)
    message = storable(f"{what}: {found.type}: {found.message}", MAX_MESSAGE_CHARS)
    return found.model_copy(update={"type": kind, "message": message})


def _failed(job: Claimed, error: JobError, retry_at: datetime | None) -> list[Entry]:
    failed = AttemptFailedData(attempt=job.attempt, error=error, retry_at=retry_at)
    entries = [Entry("attempt.failed", write_data(failed))]
    if retry_at is None:
        entries.append(Entry("job.failed", write_data(JobFailedData(attempts=job.attempt, error=error))))
    return entries


def _bounded(error: JobError) -> JobError:
    """A handler's own description, within the same bounds."""
    clean: dict[str, Any] = {
        "type": storable(error.type, MAX_TYPE_CHARS),
        "message": storable(error.message, MAX_MESSAGE_CHARS),
        "traceback": error.traceback and storable(error.traceback[-MAX_TRACEBACK_CHARS:], MAX_TRACEBACK_CHARS),
    }
    try:
        write_json(error.model_extra, what="the error")
    except InvalidEvent:
        return JobError(**clean, retryable=error.retryable)
    changed = {name: text for name, text in clean.items() if text != getattr(error, name)}
    return error.model_copy(update=changed) if changed else error
