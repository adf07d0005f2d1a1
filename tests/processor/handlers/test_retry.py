"""When to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.handlers.retry import RetryPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = RetryPolicy(jitter=0)


def test_waits_grow_by_the_factor_up_to_the_longest() -> None:
    assert [PLAIN.wait(n).total_seconds() for n in range(1, 9)] == [1, 4, 16, 64, 256, 1024, 3600, 3600]


def test_chance_lengthens_a_wait_by_its_share_at_most() -> None:
    policy = RetryPolicy(jitter=0.5)
    assert policy.wait(2, 0.0) == timedelta(seconds=4)
    assert policy.wait(2, 0.5) == timedelta(seconds=5)


def test_no_time_is_given_when_the_attempts_are_used_up() -> None:
    assert PLAIN.after_failure(1, NOW) == NOW + timedelta(seconds=1)
    assert PLAIN.after_failure(2, NOW) == NOW + timedelta(seconds=4)
    assert PLAIN.after_failure(3, NOW) is None


def test_what_the_job_asks_for_goes_before_the_policy() -> None:
    assert PLAIN.after_failure(1, NOW, max_attempts=1) is None
    assert PLAIN.after_failure(9, NOW, max_attempts=10) is not None


def test_the_first_loss_costs_no_time_and_further_ones_back_off() -> None:
    assert PLAIN.after_loss(1, NOW) == NOW
    assert PLAIN.after_loss(2, NOW) == NOW + timedelta(seconds=1)
    assert PLAIN.after_loss(5, NOW) == NOW + timedelta(seconds=64)
    assert PLAIN.after_loss(6, NOW) is None


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_negative_nor_beyond_the_longest(failures: int, chance: float) -> None:
    policy = RetryPolicy(jitter=1)
    assert timedelta() <= policy.wait(failures, chance) <= timedelta(seconds=2 * policy.longest_wait_s)


@pytest.mark.parametrize(
    "wrong", [{"first_wait_s": -1}, {"factor": 0.5}, {"jitter": 2}, {"max_attempts": 0}, {"max_losses": -1}]
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("longest", [float("inf"), float("nan"), 1e12])
def test_no_policy_waits_for_more_than_a_century(longest: float) -> None:
    with pytest.raises(ValueError, match="a century"):
        RetryPolicy(longest_wait_s=longest)
