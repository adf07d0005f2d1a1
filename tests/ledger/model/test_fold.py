"""P3: the same set of events gives the same state, in whatever order and however often they arrive."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from histories import histories
from hypothesis import given
from hypothesis import strategies as st

from ledger.model.events import UPCASTERS, Event, parse_event
from ledger.model.facts import read_fact
from ledger.model.fold import Attempt, JobState, dump_state, fold, fold_all, load_state, projection
from ledger.model.ids import uuid7

T0 = datetime(2026, 1, 1, tzinfo=UTC)
JOB = uuid7(1, 1)
PROCESSOR = str(uuid7(1, 2))


@given(histories.flatmap(lambda h: st.tuples(st.just(h), st.permutations(h))))
def test_p3_any_order_gives_the_same_state(pair: tuple[list[Event], list[Event]]) -> None:
    history, shuffled = pair
    assert fold_all(shuffled) == fold_all(history)


@given(histories, st.data())
def test_p3_repetition_changes_nothing(history: list[Event], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history), max_size=10)) if history else []
    assert fold_all(history + again) == fold_all(history)


@given(histories, st.integers(0, 15))
def test_p3_any_split_into_batches_gives_the_same_state(history: list[Event], cut: int) -> None:
    assert fold_all(history[cut:], fold_all(history[:cut])) == fold_all(history)


@given(histories)
def test_a_state_survives_being_stored(history: list[Event]) -> None:
    for state in fold_all(history).values():
        assert load_state(dump_state(state)) == state


def test_a_state_that_was_stored_with_the_names_of_its_fields_still_reads() -> None:
    named = {"job_id": str(JOB), "attempts": {"1": {"start": None, "progress": None, "lines": 7, "end": None}}}
    assert load_state(json.dumps(named)) == JobState(JOB, attempts={1: Attempt(lines=7)})


def test_a_state_that_version_1_stored_still_reads() -> None:
    request = [
        str(JOB),
        "2026-01-01T00:00:00Z",
        "alice",
        "alice",
        "count",
        "default",
        0,
        None,
        {},
        None,
        {},
        None,
        None,
    ]
    end = ["failed", PROCESSOR, "2026-01-01T00:00:01Z", "2026-01-01T00:01:00Z", {"type": "E"}]
    stored = [str(JOB), request, {}, {"1": [None, None, 0, end]}, {}, None]
    state = load_state(json.dumps(stored))
    assert (state.status, state.waits_for, state.signals) == ("pending", "retrying", {})


def event(type_: str, number: int, *, owner: str = "alice", job: UUID = JOB, **data: Any) -> Event:
    at = T0 + timedelta(seconds=number)
    return parse_event(
        {"id": uuid7(number, 1), "job_id": job, "type": type_, "owner": owner, "actor": owner, "occurred_at": at,
         "recorded_at": at, "data": json.dumps(data)}
    )  # fmt: skip


def state_of(*events: Event) -> JobState:
    return fold_all(events, {JOB: JobState(JOB)})[JOB]


REQUEST = event("job.requested", 1, name="count", priority=3, limits={"max_attempts": 2})
START_1 = event("attempt.started", 3, attempt=1, processor=PROCESSOR)
FAIL_1 = event("attempt.failed", 4, attempt=1, error={"type": "E"}, retry_at="2026-01-01T00:01:00Z")
START_2 = event("attempt.started", 6, attempt=2, processor=PROCESSOR)
CANCEL = event("job.cancel_requested", 7, reason="enough")


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ([], None),
        ([CANCEL], None),
        ([REQUEST], "pending"),
        ([REQUEST, START_1], "running"),
        ([REQUEST, START_1, FAIL_1], "pending"),
        ([REQUEST, START_1, event("attempt.failed", 4, attempt=1, error={"type": "E"}, retry_at=None)], "failed"),
        ([REQUEST, START_1, event("attempt.deferred", 4, attempt=1, until="2026-01-02T00:00:00Z")], "pending"),
        ([REQUEST, START_1, event("attempt.suspended", 4, attempt=1, reason="signal", until=None)], "pending"),
        ([REQUEST, START_1, event("attempt.suspended", 4, attempt=1, reason="signal"), START_2], "running"),
        ([REQUEST, START_1, event("attempt.suspended", 4, attempt=1, reason="signal"), CANCEL], "cancelled"),
        ([REQUEST, START_1, event("attempt.traced", 4, attempt=1, traceback="...", owner="service")], "running"),
        ([REQUEST, event("job.signalled", 2, name="go")], "pending"),
        ([event("job.signalled", 2, name="go")], None),
        ([REQUEST, START_1, event("job.completed", 5, attempt=1, result=7)], "completed"),
        ([REQUEST, event("job.completed", 5, attempt=1), event("job.retired", 9)], "completed"),
        ([REQUEST, event("payload.erased", 9, events=[PROCESSOR])], "pending"),
        ([REQUEST, START_1, event("job.failed", 5, attempts=1, error={"type": "E"})], "failed"),
        ([REQUEST, CANCEL], "cancelled"),
        ([CANCEL, REQUEST], "cancelled"),
        ([REQUEST, START_1, CANCEL], "running"),
        ([REQUEST, START_1, CANCEL, FAIL_1], "cancelled"),
        ([REQUEST, START_1, CANCEL, event("job.completed", 8, attempt=1)], "completed"),
        ([REQUEST, event("job.cancel_requested", 2, owner="mallory")], "pending"),
        ([REQUEST, event("weather.changed", 2, to="rain")], "pending"),
    ],
)
def test_status_follows_from_the_events(history: list[Event], status: str | None) -> None:
    assert state_of(*history).status == status


@pytest.mark.parametrize(
    ("history", "waits_for", "run_at"),
    [
        ([REQUEST], None, None),
        ([event("job.requested", 1, name="x", run_at="2026-01-01T00:01:00Z")], "due", 1),
        ([REQUEST, START_1, FAIL_1], "retrying", 1),
        ([REQUEST, START_1, event("attempt.deferred", 4, attempt=1, until="2026-01-01T00:02:00Z")], "due", 2),
        ([REQUEST, START_1, event("attempt.suspended", 4, attempt=1, reason="signal")], "signal", None),
        (
            [REQUEST, START_1, event("attempt.suspended", 4, attempt=1, reason="tea", until="2026-01-01T00:03:00Z")],
            "tea",
            3,
        ),
        ([REQUEST, START_1], None, None),
    ],
)
def test_a_job_that_waits_has_a_reason(history: list[Event], waits_for: str | None, run_at: int | None) -> None:
    state = state_of(*history)
    assert state.waits_for == waits_for
    assert state.run_at == (run_at and datetime(2026, 1, 1, 0, run_at, tzinfo=UTC))


def test_every_signal_is_kept_with_whose_it_is() -> None:
    mine, theirs = event("job.signalled", 2, name="go"), event("job.signalled", 3, name="go", owner="mallory")
    state = state_of(mine, REQUEST, theirs, mine)
    assert {id: signal.owner for id, signal in state.signals.items()} == {mine.id: "alice", theirs.id: "mallory"}


def test_a_retry_waits_until_the_time_that_its_failure_named() -> None:
    state = state_of(REQUEST, START_1, FAIL_1)
    assert (state.run_at, state.failures, state.attempt) == (datetime(2026, 1, 1, 0, 1, tzinfo=UTC), 1, 1)


def test_progress_is_that_of_the_current_attempt() -> None:
    state = state_of(
        REQUEST, START_1, event("attempt.progressed", 4, attempt=1, n=9, percent=90.0), FAIL_1,
        START_2, event("attempt.progressed", 8, attempt=2, n=2, percent=20.0),
        event("attempt.progressed", 7, attempt=2, n=1, percent=10.0),
    )  # fmt: skip
    assert state.progress is not None
    assert state.progress.percent == 20.0


def test_p3_of_two_cancels_at_one_moment_the_earlier_id_counts_in_both_orders() -> None:
    both = [event("job.cancel_requested", 7, reason="one"), event("job.cancel_requested", 7, reason="two")]
    both[1] = both[1].model_copy(update={"id": uuid7(7, 2)})
    reasons = [state_of(REQUEST, *cancels).cancel for cancels in (both, both[::-1])]
    assert [cancel.reason for cancel in reasons if cancel] == ["one", "one"]


def test_a_job_has_started_when_its_first_attempt_did_and_failed_as_its_last_one() -> None:
    last = event("attempt.failed", 8, attempt=2, error={"type": "Last"}, retry_at="2026-01-01T00:02:00Z")
    state = state_of(START_2, last, REQUEST, FAIL_1, START_1)
    assert state.started_at == START_1.recorded_at
    assert state.error is not None
    assert state.error.type == "Last"


def test_lines_are_counted_up_to_the_last_one() -> None:
    logged = [event("attempt.logged", 4, attempt=1, first=1, lines=["a", "b"]),
              event("attempt.logged", 5, attempt=1, first=3, lines=["c"])]  # fmt: skip
    assert state_of(REQUEST, START_1, *logged).current.lines == 3


def test_a_lost_attempt_and_a_deferred_one_cost_no_failure() -> None:
    lost = event("attempt.lost", 4, attempt=1, processor=PROCESSOR, noticed_by="lock", retry_at="2026-01-01T00:00:05Z")
    deferred = event("attempt.deferred", 7, attempt=2, until="2026-01-02T00:00:00Z")
    state = state_of(REQUEST, START_1, lost, START_2, deferred)
    assert (state.failures, state.losses, state.status) == (0, 1, "pending")


def test_a_completed_step_is_kept_for_later_attempts() -> None:
    state = state_of(REQUEST, START_1, event("step.completed", 4, attempt=1, step="fetch", result={"rows": 3}), FAIL_1)
    assert state.steps["fetch"].result == {"rows": 3}


def test_an_event_that_does_not_read_as_its_type_is_kept_and_has_no_effect() -> None:
    broken = event("job.completed", 5, attempt="not a number")
    assert broken.type == "job.completed"
    assert state_of(REQUEST, broken).status == "pending"


def test_a_timeout_is_kept_to_the_millisecond() -> None:
    row = projection(state_of(event("job.requested", 1, name="count", limits={"timeout": 1.001})))
    assert row is not None
    assert row["timeout_ms"] == 1001, "1.001 * 1000 lies a little below"


def test_the_projection_has_what_the_server_stores() -> None:
    row = projection(fold(state_of(REQUEST, START_1), CANCEL))
    assert row is not None
    assert row["status"] == "running"
    assert row["cancel_requested_at"] == T0 + timedelta(seconds=7)
    assert row["max_attempts"] == 2
    assert str(row["processor"]) == PROCESSOR
    assert projection(state_of(START_1)) is None


def test_p3_of_equal_progress_numbers_the_same_one_counts_in_both_orders() -> None:
    request = event("job.requested", 1, name="x")
    one, two = (event("attempt.progressed", n, attempt=1, n=1, percent=n) for n in (3, 4))
    assert state_of(request, one, two) == state_of(request, two, one)


def test_p6_of_a_step_that_two_attempts_completed_the_first_attempts_counts() -> None:
    late = event("step.completed", 9, attempt=1, step="s", result="first attempt")
    early = event("step.completed", 5, attempt=2, step="s", result="second attempt")
    for order in ((late, early), (early, late)):
        assert state_of(*order).steps["s"].result == "first attempt"


def test_a_loss_without_a_further_attempt_ends_the_job() -> None:
    processor = "01970000-0000-7000-8000-00000000000a"
    started = event("attempt.started", 2, attempt=1, processor=processor)
    lost = event("attempt.lost", 3, attempt=1, processor=processor, noticed_by="lock", retry_at=None)
    assert state_of(event("job.requested", 1, name="x"), started, lost).status == "failed"


def test_a_fact_is_read_through_the_upcasters_as_an_event_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, ("job.requested", 1), lambda old: {**old, "v": 2})
    row: dict[str, Any] = {
        "id": str(JOB), "type": "job.requested", "v": 1, "owner": "a", "actor": "a", "data": '{"name": "x"}',
    }  # fmt: skip
    known = parse_event({**row, "occurred_at": "2026-01-01T00:00:00Z"})
    assert type(read_fact(**row, at="2026-01-01T00:00:00Z").data) is type(known.data) is str
