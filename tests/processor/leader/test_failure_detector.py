"""Who has been silent, and for how long."""

from __future__ import annotations

from ledger.model.ids import new_id
from ledger.ports.store import Silent
from processor.leader.failure_detector import FailureDetector

ONE, OTHER = new_id(), new_id()


def test_it_counts_from_when_a_beat_was_first_seen() -> None:
    detector = FailureDetector(grace_s=1, lease_s=30)
    detector.see([(ONE, 7), (OTHER, 3)], now=100)
    detector.see([(ONE, 7), (OTHER, 4)], now=100.5)
    assert detector.silent(100.75) == []
    assert detector.silent(101) == [Silent(ONE, 7, overdue=False)]
    assert detector.silent(129.75) == [Silent(ONE, 7, overdue=False), Silent(OTHER, 4, overdue=False)]
    assert detector.silent(130) == [Silent(ONE, 7, overdue=True), Silent(OTHER, 4, overdue=False)]


def test_a_beat_begins_the_count_anew_also_after_a_long_time_without_a_look() -> None:
    detector = FailureDetector(grace_s=1, lease_s=30)
    detector.see([(ONE, 7)], now=100)
    detector.see([(ONE, 8)], now=1000)
    assert detector.silent(1000.5) == []


def test_who_was_gone_is_seen_anew() -> None:
    detector = FailureDetector(grace_s=1, lease_s=30)
    detector.see([(ONE, 7)], now=100)
    detector.see([], now=101)
    detector.see([(ONE, 7)], now=200)
    assert detector.silent(200.5) == []
