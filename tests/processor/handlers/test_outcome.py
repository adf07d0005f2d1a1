"""How an attempt ends, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel

from ledger.model.data import MAX_EVENT_BYTES, JobError
from ledger.ports.store import Claimed
from processor.handlers.outcome import (
    Cancelled,
    Completed,
    Deferred,
    Entry,
    Failed,
    Outcome,
    Permanent,
    Retry,
    conclude,
    conclude_loss,
    describe,
)
from processor.handlers.retry import RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(jitter=0)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))


class Point(BaseModel):
    x: float
    at: datetime


def claimed(*, attempt: int = 1, failures: int = 0, max_attempts: int | None = None) -> Claimed:
    return Claimed("0190", "noop", attempt, failures, 0, max_attempts, None, "alice", NOW, "{}")


def concluded(outcome: Outcome, job: Claimed | None = None, **options: Any) -> list[tuple[str, dict[str, Any]]]:
    return read(conclude(job or claimed(), outcome, NOW, POLICY, **options))


def read(entries: list[Entry]) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.type, json.loads(entry.data)) for entry in entries]


@pytest.mark.parametrize(
    ("result", "written"),
    [
        (7, 7),
        ({"a": [1, None]}, {"a": [1, None]}),
        (Point(x=1, at=NOW), {"x": 1.0, "at": "2026-01-01T00:00:00Z"}),
        ({"n": [2**53 + 1, -(2**70), 10**640 - 1]}, {"n": [2**53 + 1, -(2**70), 10**640 - 1]}),
        ({"says": "NaN, Infinity and \\u0000 are texts"}, {"says": "NaN, Infinity and \\u0000 are texts"}),
        ("7" * 1000, "7" * 1000),
        ('\N{SNOWMAN} \\ "', '\N{SNOWMAN} \\ "'),
    ],
)
def test_a_result_is_written_as_json(result: object, written: object) -> None:
    assert concluded(Completed(result)) == [("job.completed", {"attempt": 1, "result": written})]


def test_a_job_without_a_result_just_completes() -> None:
    assert concluded(Completed()) == [("job.completed", {"attempt": 1})]


@pytest.mark.parametrize("result", [object(), "\ud800", "x" * MAX_EVENT_BYTES])
def test_a_result_that_cannot_be_recorded_fails_the_job_at_once(result: object) -> None:
    [failed, ended] = concluded(Completed(result))
    assert failed[0] == "attempt.failed"
    assert failed[1]["retry_at"] is None
    assert ended[0] == "job.failed"
    assert ended[1]["error"]["type"] == "InvalidResult"


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"x": {"y": [1, float("nan")]}}, "the result: x.y[1]: nan is not a number that JSON has"),
        (float("-inf"), "the result: -inf is not a number that JSON has"),
        ({"at": Point(x=float("nan"), at=NOW)}, "the result: at.x: nan is not a number that JSON has"),
        ({"n": 10**640}, "the result: n: a whole number of more than 640 digits"),
        ({"n": [-(10**5000)]}, "the result: n[0]: a whole number of more than 640 digits"),
        ({"text": "a\0b"}, "the result: text: a text with the character NUL"),
        ({"a\0b": 1}, "the name of a field is a text with the character NUL"),
        ({"x": ["\ud800"]}, "the result: x[0]: a text with half of a surrogate pair"),
        (nested(128), "nests deeper than 127 levels"),
        (nested(300), "nests deeper than 127 levels"),
    ],
)
def test_a_result_that_not_every_reader_could_read_fails_the_job_and_names_the_field(result: Any, reason: str) -> None:
    [_, (kind, data)] = concluded(Completed(result))
    assert (kind, data["error"]["type"]) == ("job.failed", "InvalidResult")
    assert reason in data["error"]["message"]


def test_a_result_may_nest_as_deep_as_every_reader_reads() -> None:
    assert concluded(Completed(nested(127))) == [("job.completed", {"attempt": 1, "result": nested(127)})]


def test_a_failure_with_attempts_left_says_when_the_next_one_starts() -> None:
    [(kind, data)] = concluded(Retry(error=ValueError("no")), claimed(attempt=2, failures=1))
    assert kind == "attempt.failed"
    assert data["attempt"] == 2
    assert data["retry_at"] == "2026-01-01T00:00:04Z"
    assert (data["error"]["type"], data["error"]["message"], data["error"]["retryable"]) == ("ValueError", "no", True)


def test_a_failure_without_attempts_left_ends_the_job() -> None:
    [(_, failed), (kind, ended)] = concluded(Retry(error=ValueError("no")), claimed(attempt=5, failures=2))
    assert failed["retry_at"] is None
    assert kind == "job.failed"
    assert ended["attempts"] == 5  # two of the five were deferred or lost
    assert ended["error"] == failed["error"]


def test_the_job_decides_how_often_it_is_tried_before_its_handler_does() -> None:
    assert len(concluded(Retry(), claimed(max_attempts=2), max_attempts=1)) == 1
    assert len(concluded(Retry(), claimed(max_attempts=1), max_attempts=2)) == 2
    assert len(concluded(Retry(), max_attempts=1)) == 2


def test_the_handler_may_say_when_to_try_again_but_not_how_often() -> None:
    [(_, data)] = concluded(Retry(after=90))
    assert data["retry_at"] == "2026-01-01T00:01:30Z"
    assert [kind for kind, _ in concluded(Retry(after=90), claimed(failures=2))] == ["attempt.failed", "job.failed"]


def test_failed_ends_the_job_whatever_is_left() -> None:
    [(_, failed), (kind, _)] = concluded(Failed("it is over"))
    assert failed["retry_at"] is None
    assert failed["error"] == {"type": "Error", "message": "it is over", "retryable": False}
    assert kind == "job.failed"


def test_a_deferral_says_until_when() -> None:
    tomorrow = NOW + timedelta(days=1)
    assert concluded(Deferred(until=tomorrow)) == [
        ("attempt.deferred", {"attempt": 1, "until": "2026-01-02T00:00:00Z"})
    ]
    assert concluded(Deferred(after=5)) == [("attempt.deferred", {"attempt": 1, "until": "2026-01-01T00:00:05Z"})]


def test_a_cancelled_attempt_cancels_the_job() -> None:
    assert concluded(Cancelled()) == [("job.cancelled", {"attempt": 1})]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Deferred(),
        lambda: Deferred(until=NOW, after=1),
        lambda: Deferred(until=datetime(2026, 1, 1)),  # noqa: DTZ001  # a naive time is the mistake
        lambda: Deferred(after=-1),
        lambda: Retry(after=float("nan")),
        lambda: Retry(after=-1),
    ],
)
def test_an_outcome_that_makes_no_sense_is_refused_where_it_is_made(make: Any) -> None:
    with pytest.raises(ValueError, match=r"needs|must"):
        make()


@pytest.mark.parametrize(
    ("outcome", "at"),
    [
        (Retry(after=1e30), "8999-12-31T23:59:59.999999Z"),
        (Retry(after=1e12), "8999-12-31T23:59:59.999999Z"),
        (Deferred(after=1e30), "8999-12-31T23:59:59.999999Z"),
        (Deferred(until=datetime.max.replace(tzinfo=UTC)), "8999-12-31T23:59:59.999999Z"),
        (Deferred(until=datetime.max.replace(tzinfo=WEST)), "8999-12-31T23:59:59.999999Z"),
        (Deferred(until=datetime.min.replace(tzinfo=EAST)), "1600-01-01T00:00:00Z"),
        (Deferred(until=datetime(2026, 1, 1, 14, tzinfo=EAST)), "2026-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_cannot_be_stored_becomes_the_nearest_that_can(outcome: Outcome, at: str) -> None:
    [(_, data)] = concluded(outcome)
    assert (data.get("retry_at") or data.get("until")) == at


def test_a_lost_attempt_starts_again_at_once_and_a_job_that_is_lost_too_often_fails() -> None:
    [lost] = read(conclude_loss(1, 0, "0190a000-0000-7000-8000-000000000000", "lock", NOW, POLICY))
    assert lost[0] == "attempt.lost"
    assert lost[1]["retry_at"] == "2026-01-01T00:00:00Z"
    assert lost[1]["noticed_by"] == "lock"
    [lost, ended] = read(conclude_loss(6, 5, "0190a000-0000-7000-8000-000000000000", "lock", NOW, POLICY))
    assert lost[1]["retry_at"] is None
    assert ended[0] == "job.failed"
    assert ended[1]["error"]["type"] == "Lost"


def test_an_error_is_described_with_its_traceback_and_within_bounds() -> None:
    try:
        raise Permanent("x" * 10_000 + "\0")
    except Permanent as raised:
        error = describe(raised, retryable=False)
    assert error.type == "Permanent"
    assert len(error.message) == 4_000
    assert error.traceback is not None
    assert "test_outcome.py" in error.traceback


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
    [(_, data), _] = concluded(Failed(error))
    assert data["error"]["type"] == error.type
