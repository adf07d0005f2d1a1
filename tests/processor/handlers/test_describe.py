"""Descriptions of exceptions, whatever these do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hostile_errors import ERRORS, HostileText, Nameless, RaisingStr, RecursingStr
from pydantic import BaseModel, field_serializer

from ledger.errors import LedgerError
from ledger.model.data import JobError, write_data
from ledger.ports.store import Claimed
from processor import Completed, Failed, Retry
from processor.handlers.describe import storable
from processor.handlers.outcome import Outcome
from processor.handlers.retry import RetryPolicy
from processor.handlers.written import describe, write_outcome
from processor.work.conclude import conclude, conclude_trouble

Make = Callable[[], BaseException]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Claimed("0190", "noop", 1, 0, 0, None, None, "alice", NOW, "{}")
all_errors = pytest.mark.parametrize("make", list(ERRORS.values()), ids=list(ERRORS))


def concluded(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.type, json.loads(entry.data)) for entry in conclude(JOB, outcome, NOW, RetryPolicy())]


def raised(make: Make) -> BaseException:
    """The exception with a traceback."""
    try:
        raise make()
    except BaseException as error:
        return error


@all_errors
def test_every_exception_has_a_description_within_bounds(make: Make) -> None:
    for error in (make(), raised(make)):
        found = describe(error, retryable=True)
        assert 1 <= len(found.type) <= 200
        assert len(found.message) <= 4_000
        assert len(found.traceback or "") <= 16_000
        write_data(found).encode()


@all_errors
def test_outcomes_that_carry_one_are_recorded(make: Make) -> None:
    error = raised(make)
    [(kind, data)] = concluded(Retry(after=1, error=error))
    assert (kind, data["error"]["retryable"]) == ("attempt.failed", True)
    [(_, data), (kind, _)] = concluded(Failed(error))
    assert (kind, data["error"]["retryable"]) == ("job.failed", False)


def test_what_can_be_read_of_a_broken_one_is_there() -> None:
    error = describe(raised(RaisingStr), retryable=True)
    assert error.type == "RaisingStr"
    assert error.message == "what it says cannot be read: its __str__ raised ValueError"
    assert error.traceback is not None
    assert "in raised" in error.traceback
    assert describe(RecursingStr(), retryable=True).message.endswith("raised RecursionError")
    assert describe(Nameless("it"), retryable=True).type == "Nameless"


@pytest.mark.parametrize("given", [42, None, object(), ["x"], b"\xff"])
def test_what_is_no_error_is_described_too(given: object) -> None:
    found = describe(given, retryable=False)  # type: ignore[arg-type]  # that is the point
    assert found.type == type(given).__name__
    assert found.message == str(given)


def test_a_hint_goes_along_where_there_is_one() -> None:
    assert describe(LedgerError("it broke", hint="mend it"), retryable=True).message == "it broke (mend it)"

    class NoHint(LedgerError):
        @property
        def hint(self) -> str:
            raise ValueError

        @hint.setter
        def hint(self, _: object) -> None:
            pass

    assert describe(NoHint("it broke"), retryable=True).message == "it broke"


def test_texts_of_any_kind_are_made_storable() -> None:
    assert storable(HostileText("a\0b"), 10) == "a\N{REPLACEMENT CHARACTER}b"
    assert storable(HostileText("x" * 20), 10) == "x" * 9 + "…"
    assert type(storable(HostileText("a"), 10)) is str


def test_a_description_of_a_handlers_own_kind_is_read_or_said_to_be_unreadable() -> None:
    class Odd(JobError):
        @property
        def model_extra(self) -> dict[str, object]:
            raise RaisingStr

    assert describe(Odd(type="T", message="m"), retryable=False).type == "RaisingStr"


def test_a_result_whose_writing_fails_fails_the_job() -> None:
    class Exits(BaseModel):
        n: int = 1

        @field_serializer("n")
        def write(self, _: int) -> int:
            raise SystemExit(3)

    written = write_outcome(Completed(Exits()))
    assert isinstance(written, Failed)
    assert isinstance(written.error, JobError)
    assert written.error.type == "InvalidResult"
    assert written.error.message.startswith("the result cannot be written")


def test_trouble_in_recording_an_end_is_an_end() -> None:
    entries = conclude_trouble(JOB, raised(RaisingStr))
    assert [entry.type for entry in entries] == ["attempt.failed", "job.failed"]
    assert "how it ended cannot be recorded: RaisingStr" in entries[0].data
