"""Identifiers: version 7, in the order they were made."""

from __future__ import annotations

from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from ledger.ids import IdSource, uuid7


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
    made = [source() for _ in range(10_000)]
    assert made == sorted(set(made))
