"""Outcomes and errors as they are recorded: texts, in which no code of the handler's is left. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from ledger.errors import InvalidEvent
from ledger.model.data import JobError
from processor.handlers.describe import (
    MAX_MESSAGE_CHARS,
    MAX_TRACEBACK_CHARS,
    MAX_TYPE_CHARS,
    describe_exception,
    storable,
)
from processor.handlers.json_text import write_json
from processor.handlers.outcome import Cancelled, Completed, Deferred, Failed, Outcome, Retry


@dataclass(frozen=True, slots=True)
class WrittenResult:
    """What becomes of ``Completed`` where its handler ran: the result as JSON text, None where there is none."""

    text: str | None = None


WrittenOutcome: TypeAlias = WrittenResult | Retry | Failed | Deferred | Cancelled
"""An outcome that holds nothing of the handler's any more, so that no code of its runs in recording it."""
NO_RESULT: Final = WrittenResult()


def write_outcome(outcome: Outcome) -> WrittenOutcome:
    """Write the result and describe the error, whose own code may then run: to be called where the handler ran.

    A result that cannot be written fails the job: trying again would not help.
    """
    match outcome:
        case Completed(None):
            return NO_RESULT
        case Completed(result):
            try:
                return WrittenResult(write_json(result, what="the result"))
            except InvalidEvent as error:
                return Failed(JobError(type="InvalidResult", message=error.message, retryable=False))
            except BaseException as error:
                return Failed(describe_trouble(error, "InvalidResult", "the result cannot be written"))
        case Retry(after, error) if error is not None:
            return Retry(after, describe(error, retryable=True))
        case Failed(error):
            return Failed(describe(error, retryable=False))
        case _:
            return outcome


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


def describe_trouble(error: BaseException, kind: str, what: str) -> JobError:
    found = describe(error, retryable=False)
    message = storable(f"{what}: {found.type}: {found.message}", MAX_MESSAGE_CHARS)
    return found.model_copy(update={"type": kind, "message": message})


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
