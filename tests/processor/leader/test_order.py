"""How ordering paces itself; what its passes do is in tests/ledger."""

from __future__ import annotations

import pytest

from processor.leader.order import LONGEST_GAP_S, SHORTEST_GAP_S, rest_s


@pytest.mark.parametrize(
    ("took_s", "sequenced", "rests_s"),
    [
        (0.0001, 0, SHORTEST_GAP_S),
        (0.005, 1, 0.005),
        (0.001, 100, 0.01),
        (0.3, 10_000, LONGEST_GAP_S),
        (2.0, 20_000, LONGEST_GAP_S),
    ],
    ids=["nothing", "as long as it took", "more is on its way", "much waited", "much waited, on a busy machine"],
)
def test_it_rests_as_long_as_it_looked_but_never_long(took_s: float, sequenced: int, rests_s: float) -> None:
    assert rest_s(took_s, sequenced) == rests_s
