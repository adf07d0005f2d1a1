"""What may be asked for, and what is stored of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel

from client_sync import Submission
from client_sync.file.valid_request import cancel_text, request_text
from ledger.errors import InvalidEvent
from ledger.model.data import MAX_EVENT_BYTES


def text(**fields: Any) -> Any:
    return json.loads(request_text(Submission(**{"name": "a", **fields})))


def test_what_was_not_given_is_not_stored() -> None:
    assert request_text(Submission(name="count-words")) == '{"name":"count-words"}'


def test_everything_can_be_given() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    parent = "01970000-0000-7000-8000-000000000001"
    assert text(
        namespace="n", params={"ä": [1, 2.5, None, True]}, priority=-3, run_at=noon, key="k", labels={"team": "docs"},
        max_attempts=3, timeout=1.23456, expires_at="2031-01-01T00:00:00Z", parent=parent, retry_of=parent,
    ) == {
        "name": "a", "namespace": "n", "params": {"ä": [1, 2.5, None, True]}, "priority": -3,
        "run_at": "2030-01-01T10:00:00.000000Z", "key": "k", "labels": {"team": "docs"},
        "limits": {"max_attempts": 3, "timeout": 1.235, "expires_at": "2031-01-01T00:00:00.000000Z"},
        "parent": parent, "retry_of": parent,
    }  # fmt: skip


def test_params_may_be_a_model() -> None:
    class CountWords(BaseModel):
        path: str
        since: datetime

    params = CountWords(path="a.txt", since=datetime(2026, 1, 1, tzinfo=UTC))
    assert text(params=params)["params"] == {"path": "a.txt", "since": "2026-01-01T00:00:00Z"}


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def test_depth_is_counted_as_the_server_counts_it() -> None:
    deep = nested(62)
    assert text(params={"x": deep, "y": [[]] * 100, "z": "[" * 100})["params"]["x"] == deep


def test_whole_numbers_are_kept_exactly() -> None:
    numbers = [2**53 + 1, -(2**64), 10**640 - 1, 1 - 10**640]
    assert text(params={"n": numbers})["params"] == {"n": numbers}


def test_a_text_may_be_a_long_number() -> None:
    assert text(params={"n": "7" * 700})["params"] == {"n": "7" * 700}


def test_a_text_may_speak_of_nul() -> None:
    assert text(params={"x": "\\u0000"})["params"] == {"x": "\\u0000"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": ""}, "name: String should have at least 1 character"),
        ({"name": 5}, "name: Input should be a valid string"),
        ({"namespace": ""}, "namespace: "),
        ({"priority": "5"}, "priority: '5' is not a whole number"),
        ({"priority": True}, "priority: True is not a whole number"),
        ({"max_attempts": 3.0}, "max_attempts: 3.0 is not a whole number"),
        ({"priority": 40_000}, "priority: Input should be less than or equal to 32767"),
        ({"params": [1]}, "params: a list is neither a mapping"),
        ({"params": {"x": float("nan")}}, "not JSON: params.x: nan is not a number"),
        ({"params": json.loads('{"a": [1, {"b": 1e400}]}')}, "not JSON: params.a[1].b: inf is not a number"),
        ({"params": {"x": 10**640}}, "params.x: a whole number of more than 640 digits"),
        ({"params": {"x": [-(10**5000)]}}, "params.x[0]: a whole number of more than 640 digits"),
        ({"labels": {"x": 10**640}}, "labels.x: a whole number of more than 640 digits"),
        ({"labels": {"a\0b": 1}}, "labels: the name of a field is a text with the character NUL"),
        ({"params": {"x": datetime(2026, 1, 1, tzinfo=UTC)}}, "not JSON: Object of type datetime"),
        ({"params": {"x": "\ud800"}}, "not JSON: params.x: a text with half of a surrogate pair"),
        ({"params": {"x": "x" * MAX_EVENT_BYTES}}, "the limit is 262144"),
        ({"run_at": "tomorrow"}, "run_at: 'tomorrow' is not a time"),
        ({"run_at": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001 - the mistake that is tested
        ({"run_at": "9999-12-31T23:59:59-12:00"}, "is not a time"),
        ({"run_at": "9000-01-01T00:00:00Z"}, "is too far away"),
        ({"params": {"x": "a\0b"}}, "params.x: a text with the character NUL"),
        ({"params": nested(64)}, "nests deeper than 64 levels"),
        ({"expires_at": 5}, "expires_at: 5 is not a time"),
        ({"max_attempts": 0}, "limits.max_attempts: "),
        ({"timeout": "5"}, "timeout: '5' is not a number"),
        ({"timeout": 0}, "limits.timeout: "),
        ({"key": ""}, "key: "),
        ({"labels": {"x": {1, 2}}}, "not JSON: Object of type set"),
        ({"labels": ["x"]}, "labels: a list is neither a mapping"),
        ({"parent": "x"}, "'x' is not a job id"),
    ],
)
def test_what_the_server_would_refuse_is_refused_here(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        text(**fields)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("mapping", "reason"), [({"params": {}}, "needs a name"), ({"name": "a", "parms": {}}, "no field parms")]
)
def test_a_mapping_has_the_fields_of_a_submission(mapping: Mapping[str, Any], reason: str) -> None:
    with pytest.raises(InvalidEvent, match=reason):
        Submission.of(mapping)


def test_a_cancel_has_a_reason_or_none() -> None:
    assert cancel_text(None) == "{}"
    assert cancel_text("wrong file") == '{"reason":"wrong file"}'
    with pytest.raises(InvalidEvent, match="reason: "):
        cancel_text("x" * 2001)
