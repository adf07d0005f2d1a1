"""How much is claimed."""

from __future__ import annotations

from typing import Any, cast

from processor.lanes import Lane


def work(lane: Lane, jobs: int, *, each_s: float, start: float = 0.0) -> float:
    """Run so many jobs one after the other; when that is done."""
    now = start
    for _ in range(jobs):
        lane.start(now)
        now += each_s
        lane.end(now)
    return now


def test_at_first_as_much_is_claimed_as_may_run() -> None:
    lane = Lane(["a"], is_async=True, limit=100)
    assert lane.room(0.0, 1000) == 100
    assert lane.room(0.0, 10) == 10


def test_long_jobs_are_claimed_as_they_can_start() -> None:
    lane = Lane(["a"], is_async=True, limit=4)
    now = work(lane, 8, each_s=1.0)
    lane.start(now)
    assert lane.room(now, 1000) == 3


def test_short_jobs_are_claimed_ahead_by_what_takes_a_tenth_of_a_second() -> None:
    lane = Lane(["a"], is_async=True, limit=4)
    now = work(lane, 1000, each_s=0.001)
    assert lane.room(now, 1000) == 4 + 100


def test_no_more_is_claimed_while_half_of_what_was_claimed_ahead_still_waits() -> None:
    lane = Lane(["a"], is_async=True, limit=4)
    now = work(lane, 1000, each_s=0.001)
    lane.room(now, 1000)
    lane.waiting.extend(cast("list[Any]", range(51)))
    assert lane.room(now, 1000) == 0
    lane.waiting.pop()
    assert lane.room(now, 1000) == 54


def test_time_without_work_says_nothing_about_speed() -> None:
    lane = Lane(["a"], is_async=True, limit=4)
    now = work(lane, 1000, each_s=0.001)
    lane.room(now, 1000)
    now = work(lane, 100, each_s=0.001, start=now + 3600)
    assert lane.room(now, 1000) == 104


def test_a_lane_whose_places_are_all_taken_claims_nothing() -> None:
    lane = Lane(["a"], is_async=False, limit=2)
    lane.start(0.0)
    lane.start(0.0)
    assert lane.room(60.0, 1000) == 0
