"""What the server accepts, every reader can read: ``ledger.judge`` against the models of ``ledger.events``."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from databases import Database
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import ValidationError

from ledger.model.data import CancelRequestedData, RequestedData

texts = st.text('abc é😀"\\\u0000\ud800', max_size=4) | st.sampled_from(["", "x" * 200, "x" * 201])
times = st.sampled_from(
    [
        "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456+02:00", "2026-01-01T24:00:00Z", "2026-12-31T23:59:60Z",
        "2026-02-30T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00",
        "2026-01-01", "now", "infinity", "2026-01-01T00:00:00+19:00", "2026-01-01 00:00:00Z", "2026-1-1T00:00:00Z",
    ]
)  # fmt: skip
uuids = st.sampled_from(
    ["01a20077-a74b-7112-b493-f73d2a69e3bf", "01A20077A74B7112B493F73D2A69E3BF", "me",
     "{01a20077-a74b-7112-b493-f73d2a69e3bf}", "01a2-0077-a74b-7112-b493-f73d-2a69-e3bf"]
)  # fmt: skip
numbers = (
    st.integers(-70_000, 70_000) | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0005, 604_801])
)
anything: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts | st.just([]) | st.just({})
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(-1, 1002) | anything,
        "timeout": numbers | anything,
        "expires_at": times | anything,
    },
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "name": texts | anything,
        "namespace": texts | anything,
        "params": st.dictionaries(texts, anything, max_size=2) | anything,
        "priority": st.integers(-40_000, 40_000) | anything,
        "run_at": times | anything,
        "limits": limits | anything,
        "key": texts | anything,
        "labels": st.dictionaries(texts, anything, max_size=2) | anything,
        "retry_of": uuids | anything,
        "parent": uuids | anything,
        "added_later": anything,
    },
)
NAMED: dict[str, Any] = {"name": "x"}


def nested(depth: int) -> dict[str, Any]:
    value: Any = {}
    for _ in range(depth - 2):
        value = [value]
    return {**NAMED, "params": {"deep": value}}


def accepted(connection: Connection[DictRow], kind: str, text: str) -> bool:
    try:
        row = connection.execute(
            "select ledger.judge(%(kind)s, 1, %(text)s) as verdict", {"kind": kind, "text": text}
        ).fetchone()
    except psycopg.DataError:
        return False
    assert row is not None
    return row["verdict"] is None


def test_what_the_server_accepts_every_reader_can_read(database: Database) -> None:
    connection = database.connect()

    @settings(max_examples=600)
    @given(st.one_of(requests, requests.map(lambda r: {**r, **NAMED})))
    @example({**NAMED, "limits": None})
    @example(nested(64))
    @example(nested(150))
    @example(nested(300))
    def check(request: dict[str, Any]) -> None:
        text = json.dumps(request)
        if accepted(connection, "job.requested", text):
            RequestedData.model_validate_json(text)

    check()


@pytest.mark.parametrize("reason", ["why", "", None, "x" * 2000, "x" * 2001, 7, "\ud800", "a\u0000b"])
def test_a_cancel_that_the_server_accepts_can_be_read(database: Database, reason: Any) -> None:
    text = json.dumps({"reason": reason})
    try:
        CancelRequestedData.model_validate_json(text)
        readable = True
    except ValidationError:
        readable = False
    assert readable or not accepted(database.connect(), "job.cancel_requested", text)


@pytest.mark.parametrize(
    ("text", "name"), [('{"name":"a","name":"b"}', "b"), ('{"name":"b","params":{"name":"a"}}', "b")]
)
def test_of_a_key_that_stands_twice_both_sides_read_the_last(database: Database, text: str, name: str) -> None:
    row = (
        database.connect()
        .execute("select r.name from json_to_record(%(text)s) r (name text)", {"text": text})
        .fetchone()
    )
    assert row == {"name": name}
    assert RequestedData.model_validate_json(text).name == name


def test_of_limits_that_stand_twice_the_last_say_when_a_job_expires(database: Database) -> None:
    connection = database.connect()
    past, future = '{"expires_at": "2020-01-01T00:00:00Z"}', '{"expires_at": "2200-01-01T00:00:00Z"}'
    assert accepted(connection, "job.requested", f'{{"name": "x", "limits": {past}, "limits": {future}}}')
    assert not accepted(connection, "job.requested", f'{{"name": "x", "limits": {future}, "limits": {past}}}')


ID, TIME = "01a20077-a74b-7112-b493-f73d2a69e3bf", "2026-01-01T00:00:00Z"
NEARLY = [
    None, "", ",", ",,", "infinity", "2026-01-01", f"{{{ID}}}", ID[:-1], ID[:8] + "--" + ID[10:],
    *(odd for text in (ID, TIME) for odd in (text + ",", "," + text, text + "," + text, text + "\n", " " + text)),
]  # fmt: skip


def test_a_batch_is_right_only_where_each_of_its_texts_is(database: Database) -> None:
    """Ids and times are matched all at once: what is wrong in one must not hide among its neighbours."""
    connection = database.connect()

    @given(st.lists(st.sampled_from([ID, TIME, *NEARLY]) | st.just(ID), max_size=4), st.booleans())
    def check(texts: list[str | None], times: bool) -> None:
        if times:
            texts = [TIME if text == ID else text for text in texts]
        row = connection.execute(
            "select ledger.are_uuids(%(texts)s::text[]) as uuids, ledger.are_times(%(texts)s::text[]) as times",
            {"texts": texts},
        ).fetchone()
        right = {"uuids": all(text == ID for text in texts), "times": all(text == TIME for text in texts)}
        assert not texts or row == right

    check()


@pytest.mark.parametrize("timeout", ["0", "0.0", "0.0009", "-1", "604800.1"])
def test_a_timeout_that_lets_nothing_run_or_runs_for_ever_is_refused(database: Database, timeout: str) -> None:
    text = f'{{"name": "x", "limits": {{"timeout": {timeout}}}}}'
    assert not accepted(database.connect(), "job.requested", text)
