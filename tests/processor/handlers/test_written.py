"""Errors as they are recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ledger.model.data import JobError
from ledger.ports.store import Claimed
from processor import Failed, Permanent, RetryPolicy
from processor.handlers.written import describe
from processor.work.conclude import conclude

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = Claimed("0190", "noop", 1, 0, 0, None, None, "alice", NOW, "{}")


def test_an_error_is_described_with_its_traceback_and_within_bounds() -> None:
    try:
        raise Permanent("x" * 10_000 + "\0")
    except Permanent as raised:
        error = describe(raised, retryable=False)
    assert error.type == "Permanent"
    assert len(error.message) == 4_000
    assert error.traceback is not None
    assert "test_written.py" in error.traceback


def test_an_error_holds_nothing_that_postgres_cannot_store() -> None:
    assert describe("a\0b\ud800c", retryable=True).message == "a\N{REPLACEMENT CHARACTER}b?c"


def test_a_described_error_is_kept_as_it_is() -> None:
    error = JobError.model_validate({"type": "Timeout", "message": "m", "retryable": True, "added_later": [1]})
    assert describe(error, retryable=False) is error


def test_a_described_error_has_the_bounds_of_every_other() -> None:
    theirs = {"type": "T\0" * 200, "message": "m\0" * 4000, "traceback": "t\ud800" * 16_000, "added": object()}
    error = describe(JobError.model_validate(theirs), retryable=False)
    assert (len(error.type), len(error.message), len(error.traceback or "")) == (200, 4000, 16_000)
    assert not {"\0", "\ud800"} & set(f"{error.type}{error.message}{error.traceback}")
    [failed, _] = conclude(JOB, Failed(error), NOW, RetryPolicy())
    assert json.loads(failed.data)["error"]["type"] == error.type
