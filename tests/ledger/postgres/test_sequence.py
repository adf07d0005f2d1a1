"""``ledger.sequence``: one order for all events, and what it starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from databases import Database
from hypothesis import given
from hypothesis import strategies as st
from ledger_calls import Draft, Worker, assert_projection_is_fold, cancel, job_row, push, push_jobs, sequence, types_of
from psycopg import Connection
from psycopg.rows import DictRow
from waiting import until

from ledger.model.ids import new_id
from ledger.postgres.feed import read_log

T = 1_000
LONG_AGO = "2020-01-01T00:00:00Z"


def numbers(connection: Connection[DictRow]) -> list[int]:
    return [row["seq"] for row in connection.execute("select seq from ledger.log order by seq").fetchall()]


def test_numbers_have_no_gaps_also_in_small_passes(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    for size in (1, 7, 2, 5):
        push_jobs(alice, size)
    assert sequence(owner, limit=3) == 15
    assert numbers(owner) == list(range(1, 16))
    assert_projection_is_fold(owner)


def test_events_of_one_replica_keep_their_order(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    # the later ids first, in three pushes: neither the ids nor the batches decide
    batch = [Draft() for _ in range(50)][::-1]
    replica = new_id()
    for start in (0, 20, 30):
        push(alice, replica, start, batch[start : {0: 20, 20: 30, 30: 50}[start]])
    sequence(owner, limit=7)
    assert [str(row["id"]) for row in read_log(owner)] == [draft.id for draft in batch]


def test_a_rolled_back_event_leaves_no_gap(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 1)
    with alice.transaction(force_rollback=True):
        push_jobs(alice, 3)
    push_jobs(alice, 1)
    assert sequence(owner) == 2
    assert numbers(owner) == [1, 2]


def test_a_pending_job_that_is_cancelled_ends_at_once(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    cancel(alice, job)
    sequence(owner)
    sequence(owner)
    assert types_of(owner, job) == ["job.requested", "job.cancel_requested", "job.cancelled"]
    assert job_row(owner, job)["status"] == "cancelled"
    assert_projection_is_fold(owner)


def test_a_cancel_may_come_before_its_request(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    request = Draft()
    push(alice, new_id(), 0, [Draft("job.cancel_requested", "{}", request.job_id)])
    sequence(owner)
    push(alice, new_id(), 0, [request])
    sequence(owner)
    states = owner.execute("select status from ledger.jobs").fetchall()
    assert states == [{"status": "cancelled"}]
    assert_projection_is_fold(owner)


def test_p10_a_schedule_is_kept_by_the_servers_clock(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    (later,) = push_jobs(alice, 1, run_at="2990-01-01T00:00:00Z")
    (job,) = push_jobs(alice, 1, run_at=soon.isoformat())
    worker = Worker(database.connect("worker"))

    def claimed() -> list[DictRow]:
        sequence(owner)
        return worker.claim()

    assert [row["job_id"] for row in until(lambda: claimed() or None, "the job to be due")] == [job]
    started = owner.execute("select recorded_at from ledger.events where type = 'attempt.started'").fetchall()
    assert [row["recorded_at"] >= soon for row in started] == [True]
    assert job_row(owner, later)["status"] == "pending"
    assert_projection_is_fold(owner)


def test_a_due_job_whose_row_is_locked_elsewhere_holds_up_no_pass(database: Database) -> None:
    alice, owner, holder = database.connect("app_alice"), database.connect(), database.connect(autocommit=False)
    held, free = (push_jobs(alice, 1, run_at=(datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()) for _ in "12")
    sequence(owner)
    holder.execute("select from ledger.queue where job_id = any (%(held)s) for update", {"held": held})
    owner.execute("set lock_timeout = '10s'")
    worker = Worker(database.connect("worker"))

    def claimed() -> list[DictRow]:
        sequence(owner)
        return worker.claim()

    assert [row["job_id"] for row in until(lambda: claimed() or None, "the free one to be due")] == free
    holder.rollback()
    assert [row["job_id"] for row in until(lambda: claimed() or None, "the other one")] == held
    assert_projection_is_fold(owner)


def test_a_job_that_expired_fails_with_the_reason(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    soon = datetime.now(UTC) + timedelta(seconds=1)
    (job,) = push_jobs(alice, 1, limits={"expires_at": soon.isoformat()})

    def failed() -> bool:
        sequence(owner)
        return bool(job_row(owner, job)["status"] == "failed")

    until(failed, "the job to expire")
    assert types_of(owner, job) == ["job.requested", "job.failed"]
    assert_projection_is_fold(owner)


def test_a_job_that_was_tried_before_expires_too(database: Database) -> None:
    alice, owner, worker = database.connect("app_alice"), database.connect(), Worker(database.connect("worker"))
    expires_at = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    (job_id,) = push_jobs(alice, 1, limits={"expires_at": expires_at})
    sequence(owner)
    (job,) = worker.claim()
    worker.record((job, "attempt.deferred", {"until": LONG_AGO}))

    def failed() -> bool:
        sequence(owner)
        return bool(job_row(owner, job_id)["status"] == "failed")

    until(failed, "the job to expire")
    assert types_of(owner, job_id) == ["job.requested", "attempt.started", "attempt.deferred", "job.failed"]
    assert_projection_is_fold(owner)


def test_p12_a_pass_numbers_what_it_writes_itself_or_does_not_begin(database: Database) -> None:
    """With a transaction id older than the snapshot, a pass would take its own events for numbered already."""
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    owner.execute("begin")
    owner.execute("select pg_current_xact_id()")
    cancel(alice, job)  # younger, and done before the pass begins
    with pytest.raises(psycopg.errors.InvalidTransactionState, match="of its own"):
        owner.execute("select ledger.sequence()")
    owner.execute("rollback")
    sequence(owner)
    assert types_of(owner, job) == ["job.requested", "job.cancel_requested", "job.cancelled"]
    assert_projection_is_fold(owner)


def test_a_pass_says_whether_there_is_new_work(database: Database) -> None:
    """It decides who is notified. An attempt that ended without an outcome is work for any free processor."""
    alice, owner = database.connect("app_alice"), database.connect()
    worker = Worker(database.connect("worker"))

    def has_new_work() -> bool:
        row = owner.execute("select new_work from ledger.sequence()").fetchone()
        assert row is not None
        return bool(row["new_work"])

    sequence(owner)
    push_jobs(alice, 1)
    assert has_new_work()
    (job,) = worker.claim()
    assert not has_new_work(), "that it has started is no work"
    lost = {"processor": str(worker.id), "noticed_by": "lock", "retry_at": LONG_AGO}
    outcomes: list[tuple[str, dict[str, Any]]] = [
        ("attempt.deferred", {"until": LONG_AGO}),
        ("attempt.failed", {"error": {"type": "E"}, "retry_at": LONG_AGO}),
        ("attempt.lost", lost),
    ]
    for kind, data in outcomes:
        worker.record((job, kind, data))
        assert has_new_work(), kind
        (job,) = worker.claim()
    worker.record((job, "attempt.progressed", {"n": 1}), (job, "job.completed", {}))
    assert not has_new_work(), "and neither is an end"
    assert_projection_is_fold(owner)


def test_a_new_epoch_takes_over_what_the_old_one_left(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 3)
    sequence(owner)
    push_jobs(alice, 2)
    before = owner.execute("select ledger.ensure_epoch() as epoch").fetchone()
    after = owner.execute("select ledger.begin_epoch('restored') as epoch").fetchone()
    assert before != after
    push_jobs(alice, 2)
    sequence(owner, limit=1)
    assert numbers(owner) == list(range(1, 8))
    assert_projection_is_fold(owner)


def test_a_new_epoch_waits_for_open_writers_only_so_long_and_lets_others_pass(database: Database) -> None:
    alice, other, owner = database.connect("app_alice"), database.connect("app_alice"), database.connect()
    with alice.transaction():
        push_jobs(alice, 1)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("select ledger.begin_epoch('restored')")
        push_jobs(other, 1)
    owner.execute("select ledger.begin_epoch('restored')")
    sequence(owner)
    assert numbers(owner) == [1, 2]


def test_what_an_old_epoch_left_comes_before_the_new_one_however_much_it_is(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    replica, drafts = new_id(), [Draft() for _ in range(9)]
    # ids say nothing about the order of a file that another language wrote
    drafts[:6] = sorted(drafts[:6], key=lambda draft: draft.id, reverse=True)
    push(alice, replica, 0, drafts[:6])
    owner.execute("select ledger.begin_epoch('restored') as epoch")
    push(alice, replica, 6, drafts[6:])
    sequence(owner, limit=2)
    assert [row["id"] for row in read_log(owner) if row["replica_id"]] == [UUID(draft.id) for draft in drafts]
    assert_projection_is_fold(owner)


def test_a_database_copied_from_another_begins_its_own_epoch(database: Database) -> None:
    # each test's database is itself a copy of the template
    owner = database.connect()
    owner.execute("select ledger.ensure_epoch()")
    owner.execute("select ledger.ensure_epoch()")
    lives = owner.execute("select life, reason from ledger.lives order by life").fetchall()
    assert [row["life"] for row in lives] == [1, 2]


def test_plans_made_while_the_tables_were_empty_still_use_the_indexes(database: Database) -> None:
    """Such a plan, kept, cost a factor of eight. Postgres itself counts the sequential scans."""
    alice, bob, owner = database.connect("app_alice"), database.connect("worker"), database.connect("worker")
    worker = Worker(bob)
    for _ in range(8):  # past the five custom plans, a generic one is made on empty tables
        push(alice, new_id(), 0, [])
        owner.execute("select * from ledger.sequence()")
        worker.claim()
        worker.record()
        alice.execute("select * from ledger.pull(0)")
    scans = """
        select relname, seq_scan from pg_stat_user_tables
        where relname in ('events', 'log', 'jobs', 'queue') order by relname"""
    for connection in (alice, bob, owner):
        connection.execute("select pg_stat_force_next_flush()")
    before = owner.execute(scans).fetchall()
    for _ in range(8):
        push_jobs(alice, 100)
        owner.execute("select * from ledger.sequence()")
        claimed = worker.claim()
        worker.record(*((job, "job.completed", {}) for job in claimed))
        alice.execute("select * from ledger.pull(0, null, 10)")
    for connection in (alice, bob, owner):
        connection.execute("select pg_stat_force_next_flush()")
        connection.execute("select 1")
    assert owner.execute(scans).fetchall() == before


def test_a_snapshot_after_a_cut_shows_what_the_pass_numbered_and_no_more(database: Database) -> None:
    """``snapshot_after`` against its definition, for any two snapshots of which the second is the later one."""
    connection = database.connect()

    def text(xmax: int, running: set[int]) -> str:
        return f"{min(running, default=xmax)}:{xmax}:{','.join(map(str, sorted(running)))}"

    def shown(x: int, xmax: int, running: set[int]) -> bool:
        return x < xmax and x not in running

    @given(st.data())
    def check(data: st.DataObject) -> None:
        open_then = data.draw(st.sets(st.integers(T, T + 9), max_size=5))
        xmax_then = data.draw(st.integers(max(open_then, default=T - 1) + 1, T + 10))
        xmax_now = data.draw(st.integers(xmax_then, T + 15))
        still_open = data.draw(st.sets(st.sampled_from(sorted(open_then)))) if open_then else set()
        started = (
            data.draw(st.sets(st.integers(xmax_then, xmax_now - 1), max_size=4)) if xmax_now > xmax_then else set()
        )
        open_now = still_open | started
        cut = data.draw(st.integers(T - 1, xmax_now - 1))  # the cut is a transaction that the pass can see
        row = connection.execute(
            """
            select array_agg(pg_visible_in_snapshot(x::text::xid8, s.snapshot) order by x) as shown
            from (select ledger.snapshot_after(%(before)s, %(now)s, %(cut)s::text::xid8) as snapshot) s,
                 generate_series(%(low)s::bigint, %(high)s::bigint) x
            """,
            {
                "before": text(xmax_then, open_then),
                "now": text(xmax_now, open_now),
                "cut": str(cut),
                "low": T,
                "high": T + 15,
            },
        ).fetchone()
        assert row is not None
        assert row["shown"] == [
            shown(x, xmax_then, open_then) or (x <= cut and shown(x, xmax_now, open_now)) for x in range(T, T + 16)
        ]

    check()
