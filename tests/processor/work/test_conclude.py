"""How an attempt ends, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel

from ledger.model.data import MAX_EVENT_BYTES
from ledger.ports.store import Claimed
from processor.entry import Entry
from processor.handlers.outcome import Cancelled, Completed, Deferred, Failed, Outcome, Retry
from processor.handlers.retry import RetryPolicy
from processor.work.conclude import conclude

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
