"""How much is claimed."""

from __future__ import annotations

from typing import cast

import pytest

from processor.executors.executor import Executor
from processor.work.lanes import Lane

NONE = cast("Executor", None)
"""Nothing runs here."""


def lane_after(jobs: int, *, each_s: float, limit: int = 4) -> Lane[int]:
    """A lane that has run so many jobs."""
    lane = Lane[int](["a"], NONE, limit=limit)
    for _ in range(jobs):
        lane.begin()
        lane.end(each_s)
    return lane


def wait(lane: Lane[int], jobs: int) -> None:
    lane.waiting.extend(range(jobs))


def test_at_first_as_much_is_claimed_as_there_are_places() -> None:
    lane = lane_after(0, each_s=0, limit=100)
    assert lane.room(1000) == 100
    assert lane.room(10) == 10


def test_long_jobs_are_claimed_as_they_can_start() -> None:
    lane = lane_after(8, each_s=10)
    lane.begin()
    assert lane.room(1000) == 3


def test_short_jobs_are_claimed_ahead_by_what_ends_in_a_tenth_of_a_second() -> None:
    assert lane_after(8, each_s=0.004).room(1000) == 4 + 100
    assert lane_after(8, each_s=0.000_001).room(1000) == 1000


def test_no_more_is_claimed_while_half_of_what_was_claimed_ahead_still_waits() -> None:
    lane = lane_after(8, each_s=0.004)
    wait(lane, 51)
    assert lane.room(1000) == 0
    lane.waiting.pop()
    assert lane.room(1000) == 54


def test_jobs_that_get_longer_are_claimed_less_far_ahead_and_the_other_way_round() -> None:
    lane = lane_after(100, each_s=0.004)
    rooms = []
    for took_s in [0.4] * 50 + [0.004] * 100:
        lane.begin()
        lane.end(took_s)
        rooms.append(lane.room(1000))
    assert rooms[49] == 4 + 1
    assert rooms[:50] == sorted(rooms[:50], reverse=True)
    assert rooms[-1] == 4 + 100


def test_a_lane_that_could_not_keep_up_claims_only_what_can_start() -> None:
    lane = lane_after(100, each_s=0.004)
    lane.slow_down()
    assert lane.room(1000) == 4


@pytest.mark.parametrize("waiting", [0, 1, 500])
def test_a_lane_whose_places_are_all_taken_claims_nothing(waiting: int) -> None:
    lane = lane_after(2, each_s=60)
    for _ in range(4):
        lane.begin()
    wait(lane, waiting)
    assert lane.room(1000) == 0
