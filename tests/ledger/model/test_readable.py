"""What every reader can read: Python and SQL say the same bounds, and every reader does read what is within."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest
from databases import Database
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json, to_json

from ledger.model.readable import MAX_DEPTH, MAX_DIGITS, find_unreadable, is_suspect

ANY_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.integers(1, MAX_DIGITS + 20).map(lambda digits: 10**digits - 1),
    st.sampled_from([10**MAX_DIGITS, -(10**MAX_DIGITS), 10**MAX_DIGITS - 1, 2**53 + 1, -0.0, 5e-324]),
)
texts = st.text('ab "\\\u0000\ud800é😀{[7e', max_size=8) | st.sampled_from(["7" * 700, "1e400", "\\u0000"])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=8,
)
written = st.sampled_from(
    [
        "1e308", "1.7e308", "1.8e308", "1e309", "1E+400", "1e400", "1e-400", "1e99999", "0.1e309",
        "1e0000001", "0.000001e310", "7" * 300 + "e9", "7" * 299 + "e8", "7" * 310 + ".5", "7" * 640, "7" * 641,
        "0." + "3" * 630, "0." + "3" * 17000, "1e-17000", "0e99999",
    ]
)  # fmt: skip


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def why_unreadable(connection: Connection[DictRow], text: str) -> str | None:
    row = connection.execute("select ledger.why_unreadable(%(text)s) as why", {"text": text}).fetchone()
    assert row is not None
    why: str | None = row["why"]
    return why


def suspected(connection: Connection[DictRow], text: str) -> bool:
    row = connection.execute("select ledger.is_suspect(%(text)s) as yes", {"text": text}).fetchone()
    return row == {"yes": True}


def every_reader_reads(text: str) -> None:
    json.loads(text)
    assert to_json(from_json(text), inf_nan_mode="constants").count(b"Infinity") == text.count("Infinity")
    ANY_JSON.validate_json(text)
    with closing(sqlite3.connect(":memory:")) as file:
        assert file.execute("select json_valid(:text)", {"text": text}).fetchone() == (1,)


def test_python_and_the_server_say_the_same_of_a_value(database: Database) -> None:
    connection = database.connect()

    @settings(max_examples=400, derandomize=True)
    @given(values)
    @example(nested(MAX_DEPTH - 1))
    @example(nested(MAX_DEPTH))
    @example(nested(240))
    def check(value: Any) -> None:
        data = {"result": value}
        wrong, text = find_unreadable(data), json.dumps(data)
        with suppress(ValueError):  # NaN, and half of a surrogate pair
            ours = json.dumps(data, ensure_ascii=False, allow_nan=False)
            ours.encode()
            assert wrong is None or is_suspect(ours), "the quick look misses nothing"
            assert wrong is None or suspected(connection, ours)
        said = why_unreadable(connection, text)
        assert (said is None) == (wrong is None), (said, wrong)
        if said is None:
            every_reader_reads(text)
            assert from_json(text) == data

    check()


def test_a_number_is_validated_by_how_it_is_written(database: Database) -> None:
    connection = database.connect()

    @settings(max_examples=100, derandomize=True)
    @given(written, st.sampled_from(["", "-"]))
    def check(number: str, sign: str) -> None:
        text = f'{{"result": [{sign}{number}]}}'
        if why_unreadable(connection, text) is not None:
            assert suspected(connection, text)
        else:
            every_reader_reads(text)
            ((read,),) = (from_json(text).values(),)
            assert read[0] not in (float("inf"), float("-inf"))

    check()
    for good in ("1e308", "7" * 640, "0." + "3" * 630, "1e-400"):
        assert why_unreadable(connection, f'{{"result": {good}}}') is None
    for bad in ("1e309", "1e400", "7" * 641, "7" * 310 + ".5", "7" * 300 + "e9"):
        assert why_unreadable(connection, f'{{"result": {bad}}}') is not None


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"a": [{"b": float("nan")}]}, "a[0].b: nan is not a number that JSON has"),
        ({"a": {"b": 10**MAX_DIGITS}}, "a.b: a whole number of more than 640 digits"),
        ([["x\0"]], "[0][0]: a text with the character NUL"),
        ({"x": {"y\0": 1}}, "x: the name of a field is a text with the character NUL"),
        (nested(MAX_DEPTH + 1), "nests deeper than 128 levels"),
        ("\udc00", "a text with half of a surrogate pair"),
        ({"first": float("inf"), "second": "\0"}, "first: inf is not a number that JSON has"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value: Any, reason: str) -> None:
    assert (find_unreadable(value) or "").endswith(reason)


@pytest.mark.parametrize("position", [0, 1, 639, 640, 641, 1300])
def test_a_long_number_is_seen_wherever_it_stands(position: int) -> None:
    assert is_suspect("x" * position + "7" * (MAX_DIGITS + 1) + "x")
    assert not is_suspect("x" * position + "7" * MAX_DIGITS + "x")
