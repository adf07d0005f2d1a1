"""Outcomes as a handler makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from processor import Deferred, Retry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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
