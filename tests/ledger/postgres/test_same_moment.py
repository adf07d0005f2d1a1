"""Claims, records, cancels and passes that meet: whichever comes first, the end is one that the events explain."""

from __future__ import annotations

import threading

import psycopg
import pytest
from databases import Database
from ledger_calls import Draft, Worker, assert_projection_is_fold, cancel, job_row, push, push_jobs, sequence, types_of
from psycopg.rows import DictRow
from waiting import until

from ledger.model.ids import new_id

LONG_AGO = "2020-01-01T00:00:00Z"


def test_p5_a_loss_waits_for_a_report_that_is_just_being_recorded(database: Database) -> None:
    """Or the report would stand in the log after the loss, and of an attempt that was over."""
    alice, owner, worker = database.connect("app_alice"), database.connect(), Worker(database.connect("worker"))
    push_jobs(alice, 1)
    sequence(owner)
    (job,) = worker.claim()
    other = Worker(database.connect("worker"))
    other.id = worker.id
    other.connection.execute("set lock_timeout = '300ms'")
    loss = {"processor": str(worker.id), "noticed_by": "lock", "retry_at": LONG_AGO}
    with worker.connection.transaction():
        worker.record((job, "attempt.progressed", {"n": 1}))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.record((job, "attempt.lost", loss))
    other.record((job, "attempt.lost", loss))
    assert_projection_is_fold(owner)


def test_a_job_whose_cancel_comes_while_it_is_being_claimed_does_not_start(database: Database) -> None:
    alice, owner, holder = database.connect("app_alice"), database.connect(), database.connect(autocommit=False)
    sequencer, worker = database.connect(), Worker(database.connect("worker"))
    (job_id,) = push_jobs(alice, 1)
    sequence(owner)
    cancel(alice, job_id)
    waiting = "select count(distinct pid) as n from pg_locks where not granted"
    claimed: list[DictRow] = []
    passing = threading.Thread(target=lambda: sequence(sequencer))
    claiming = threading.Thread(target=lambda: claimed.extend(worker.claim()))
    holder.execute("select from ledger.jobs for update")
    passing.start()
    until(lambda: owner.execute(waiting).fetchall() == [{"n": 1}], "the pass to wait for the job")
    claiming.start()
    until(lambda: owner.execute(waiting).fetchall() == [{"n": 2}], "the claim to wait for it too")
    holder.rollback()
    passing.join()
    claiming.join()
    assert claimed == []
    sequence(owner)
    assert types_of(owner, job_id) == ["job.requested", "job.cancel_requested", "job.cancelled"]
    row = job_row(owner, job_id)
    assert (row["status"], row["attempt"], row["processor"]) == ("cancelled", 0, None)
    assert row["finished_at"] is not None
    assert_projection_is_fold(owner)


def test_cancels_and_outcomes_at_the_same_moment_leave_each_job_one_ending(database: Database) -> None:
    """Both of a round start together; which comes first is chance, how the jobs end is not."""
    alice, owner = database.connect("app_alice"), database.connect()
    worker = Worker(database.connect("worker"))
    retry = {"error": {"type": "E"}, "retry_at": LONG_AGO}
    together = threading.Barrier(2)

    def work(batch: list[DictRow]) -> None:
        together.wait()
        worker.record(
            *(
                (job, "attempt.failed" if n % 2 else "job.completed", retry if n % 2 else {})
                for n, job in enumerate(batch)
            )
        )

    for _ in range(10):
        push_jobs(alice, 20)
        sequence(owner)
        batch = worker.claim()
        cancels = [Draft("job.cancel_requested", "{}", str(job["job_id"])) for job in batch]
        thread = threading.Thread(target=work, args=(batch,))
        thread.start()
        together.wait()
        push(alice, new_id(), 0, cancels)
        sequence(owner)
        thread.join()
    sequence(owner)
    assert_projection_is_fold(owner)
    left = owner.execute("select status, count(*) as n from ledger.jobs group by status order by status").fetchall()
    assert left == [{"status": "cancelled", "n": 100}, {"status": "completed", "n": 100}]
    endings = owner.execute("""
        select count(*) as n from ledger.events where type in ('job.completed', 'job.failed', 'job.cancelled')""")
    assert endings.fetchall() == [{"n": 200}]
