"""What an attempt says while it runs, before it is sent."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ledger.errors import InvalidEvent
from processor.work.reports import MAX_EVENT_CHARS, MAX_HELD_CHARS, MAX_LINE_CHARS, STOPPING, Reports


def taken(reports: Reports) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.type, json.loads(entry.data)) for entry in reports.take()]


def test_of_several_progress_reports_the_last_is_sent_and_all_are_counted() -> None:
    reports = Reports(attempt=2)
    reports.progress(10, "a", None)
    reports.progress(20.5, None, {"lines": 3})
    assert taken(reports) == [("attempt.progressed", {"attempt": 2, "n": 2, "percent": 20.5, "data": {"lines": 3}})]
    assert taken(reports) == []
    reports.progress(None, "c", None)
    assert taken(reports) == [("attempt.progressed", {"attempt": 2, "n": 3, "message": "c"})]


def test_a_last_progress_keeps_how_far_it_was_and_lets_none_follow() -> None:
    reports = Reports(attempt=2)
    reports.progress(40, "writing", {"n": 1})
    reports.close_progress(STOPPING)
    reports.progress(100, "written", None)
    reports.line("info", "lines go on")
    [(line, _), (kind, data)] = reports.take()
    assert (line, kind) == ("attempt.logged", "attempt.progressed")
    assert json.loads(data) == {"attempt": 2, "n": 2, "percent": 40, "message": "timed out, stopping"}


@pytest.mark.parametrize(("given", "recorded"), [(-1, 0.0), (100.0000001, 100.0), (float("inf"), 100.0)])
def test_a_percentage_stays_between_0_and_100(given: float, recorded: float) -> None:
    reports = Reports(1)
    reports.progress(given, None, None)
    assert taken(reports)[0][1]["percent"] == recorded


@pytest.mark.parametrize(
    ("percent", "data"),
    [(float("nan"), None), (1, object()), (1, "x" * 300_000), (1, "a\0b"), (1, {"x": float("inf")}), (1, 10**640)],
)
def test_progress_that_cannot_be_recorded_is_refused_where_it_is_made(percent: float, data: object) -> None:
    reports = Reports(1)
    with pytest.raises(InvalidEvent):
        reports.progress(percent, None, data)
    assert taken(reports) == []


def test_what_postgres_cannot_hold_as_text_is_marked_in_messages_and_lines() -> None:
    reports = Reports(1)
    reports.line("info", "a\0b\ud800c")
    reports.progress(5, "half\0way", None)
    [(_, logged), (_, progressed)] = taken(reports)
    assert logged["lines"][0]["message"] == "a\N{REPLACEMENT CHARACTER}b?c"
    assert progressed["message"] == "half\N{REPLACEMENT CHARACTER}way"


def test_lines_are_numbered_across_what_was_taken() -> None:
    reports = Reports(1)
    reports.line("info", "one")
    reports.line("error", "two")
    [(kind, first)] = taken(reports)
    reports.line("info", "three")
    [(_, second)] = taken(reports)
    assert kind == "attempt.logged"
    assert (first["first"], [line["message"] for line in first["lines"]]) == (1, ["one", "two"])
    assert [line["level"] for line in first["lines"]] == ["info", "error"]
    assert (second["first"], len(second["lines"])) == (3, 1)


def test_many_lines_are_cut_into_events_of_bounded_size() -> None:
    reports = Reports(1)
    for _ in range(30):
        reports.line("info", "x" * (MAX_LINE_CHARS + 5))
    events = taken(reports)
    assert len(events) > 1
    assert [data["first"] for _, data in events] == [
        1 + sum(len(data["lines"]) for _, data in events[:n]) for n in range(len(events))
    ]
    assert all(len(json.dumps(data["lines"])) < MAX_EVENT_CHARS + MAX_LINE_CHARS for _, data in events)
    assert all(len(line["message"]) == MAX_LINE_CHARS for _, data in events for line in data["lines"])


def test_lines_without_room_leave_a_gap_in_the_numbers() -> None:
    reports = Reports(1)
    many = MAX_HELD_CHARS // MAX_LINE_CHARS + 10
    for _ in range(many):
        reports.line("info", "x" * MAX_LINE_CHARS)
    kept = sum(len(data["lines"]) for _, data in taken(reports))
    reports.line("info", "after")
    [(_, data)] = taken(reports)
    assert kept < many
    assert data["first"] == many + 1


def test_threads_may_report_at_the_same_time() -> None:
    reports = Reports(1)

    def talk() -> None:
        for n in range(500):
            reports.line("info", str(n))
            reports.progress(n / 5, None, None)

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    *logged, (_, progress) = taken(reports)
    assert progress["n"] == 2000
    assert sum(len(data["lines"]) for _, data in logged) == 2000


def test_text_that_is_no_unicode_does_not_stop_the_log() -> None:
    reports = Reports(1)
    reports.line("info", "half a pair: \ud800")
    assert taken(reports)[0][1]["lines"][0]["message"] == "half a pair: ?"
