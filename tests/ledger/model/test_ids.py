"""Identifiers: version 7, in the order they were made."""

from __future__ import annotations

import os
import pickle
from copy import copy
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from ledger.model.ids import IdSource, new_id, uuid7


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_a_uuid7_carries_its_time_version_and_variant(unix_ms: int, tail: int) -> None:
    made = uuid7(unix_ms, tail)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == unix_ms


@given(
    st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1)),
    st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1)),
)
def test_ids_sort_as_their_parts(a: tuple[int, int], b: tuple[int, int]) -> None:
    assert (uuid7(*a) < uuid7(*b)) == (a < b)


def test_one_source_makes_ascending_ids() -> None:
    source = IdSource()
    made = [UUID(source.text()) if n % 2 else source() for n in range(10_000)]
    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}


def test_an_id_as_text_is_written_as_uuids_are() -> None:
    text = IdSource().text()
    assert text == str(UUID(text))


def test_an_id_is_like_any_other_uuid() -> None:
    made = new_id()
    read = UUID(str(made))
    assert pickle.loads(pickle.dumps(made)) == copy(made) == read == made  # noqa: S301 - its own
    assert (hash(made), repr(made), made.is_safe) == (hash(read), repr(read), read.is_safe)


def test_an_id_and_its_text_are_made_together() -> None:
    made, text = IdSource().both()
    assert text == str(made)


def test_a_forked_process_goes_on_with_ids_of_its_own() -> None:
    new_id()  # now there is something drawn ahead
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(new_id.text() for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 50 * 36).decode()
    os.close(reading)
    os.close(writing)
    ours = "".join(new_id.text() for _ in range(50))
    tails = [{text[n * 36 + 24 : n * 36 + 36] for n in range(50)} for text in (ours, theirs)]
    assert tails[0].isdisjoint(tails[1])
