"""``ledger.claim`` and ``ledger.record``: who runs a job, and whose word counts."""

from __future__ import annotations

import json
import threading
from uuid import UUID

import psycopg
import pytest
from databases import Database
from ledger_calls import (
    Draft,
    Worker,
    assert_projection_is_fold,
    cancel,
    find_lost,
    job_row,
    push,
    push_jobs,
    sequence,
    types_of,
)
from waiting import until

from ledger.errors import VerificationFailed
from ledger.model.ids import new_id
from ledger.postgres.feed import read_history, verify
from ledger.postgres.store.errors import NOT_REGISTERED

LONG_AGO = "2020-01-01T00:00:00Z"


def test_the_best_jobs_are_claimed_first_across_names_and_namespaces(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    low = push_jobs(alice, 2, priority=-1)
    high = push_jobs(alice, 2, name="other", priority=9)
    middle = push_jobs(alice, 2, namespace="second")
    push_jobs(alice, 2, name="unknown here", priority=99)
    sequence(owner)
    worker = Worker(database.connect("worker"), ["noop", "other"])
    claimed = [row["job_id"] for limit in (3, 10) for row in worker.claim(limit, namespaces=["default", "second"])]
    assert claimed == [*high, *middle, *low]
    assert_projection_is_fold(owner)


def test_of_two_names_in_a_request_the_last_counts(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push(alice, new_id(), 0, [Draft(data='{"name": "unknown here", "name": "noop"}')])
    sequence(owner)
    (job,) = Worker(database.connect("worker")).claim()
    assert job["name"] == "noop"


def test_ids_made_together_are_like_those_made_one_by_one(database: Database) -> None:
    owner = database.connect()
    first = UUID("0190a0b1-c2d3-7abc-8def-fffffffffffe")
    query = "select ledger.nth_id(%(first)s, n) as id from generate_series(0, 3) n"
    ids = [row["id"] for row in owner.execute(query, {"first": first}).fetchall()]
    assert ids[:2] == [first, UUID("0190a0b1-c2d3-7abc-8def-ffffffffffff")]
    assert ids[2:] == [UUID("0190a0b1-c2d3-7abc-8def-000000000000"), UUID("0190a0b1-c2d3-7abc-8def-000000000001")]
    assert {id_.version for id_ in ids} == {7}


def test_a_pass_and_its_claim_are_one_transaction(database: Database) -> None:
    alice, worker = database.connect("app_alice"), Worker(database.connect("worker"))

    def sequence_and_claim(processor: UUID) -> list[tuple[object, ...]]:
        rows = worker.connection.execute(
            """
            select s.sequenced, s.new_work, s.job_id
            from ledger.sequence_and_claim(%(processor)s, %(claim)s, '{default}', '{noop}', 10) s""",
            {"processor": processor, "claim": new_id()},
        )
        return [tuple(row.values()) for row in rows]

    assert sequence_and_claim(worker.id) == [(1, False, None)], "the processor's own start is no work"
    jobs = push_jobs(alice, 2)
    assert sequence_and_claim(worker.id) == [(2, True, job) for job in jobs]
    push_jobs(alice, 1, name="unknown here")
    assert sequence_and_claim(worker.id) == [(3, True, None)], "and what has started is in order now"
    worker.connection.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})
    push_jobs(alice, 1)
    assert sequence_and_claim(worker.id) == [(2, True, None)], "a stopped processor's pass counts, and it gets nothing"
    assert_projection_is_fold(database.connect())


def test_a_claim_takes_no_lock_on_jobs_it_does_not_take(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 5)
    push_jobs(alice, 5, name="other")
    sequence(owner)
    first = Worker(database.connect("worker"), ["noop", "other"])
    second = Worker(database.connect("worker"), ["noop", "other"])
    with first.connection.transaction():
        assert len(first.claim(6)) == 6
        assert len(second.claim(100)) == 4
    assert_projection_is_fold(owner)


def test_many_claimers_share_the_queue_without_overlap(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    jobs = push_jobs(alice, 400)
    sequence(owner)
    taken: list[object] = []

    def claim_all(worker: Worker) -> None:
        while batch := worker.claim(7):
            taken.extend(row["job_id"] for row in batch)

    threads = [threading.Thread(target=claim_all, args=(Worker(database.connect("worker")),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, taken)) == sorted(map(str, jobs))
    assert_projection_is_fold(owner)


def test_p5_a_late_write_is_kept_as_evidence_and_changes_nothing(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    slow, quick = Worker(database.connect("worker")), Worker(database.connect("worker"))
    (attempt_1,) = slow.claim()
    lost = {"processor": str(slow.id), "noticed_by": "lock", "retry_at": LONG_AGO}
    slow.record((attempt_1, "attempt.lost", lost))
    (attempt_2,) = quick.claim()
    assert attempt_2["attempt"] == 2
    late = slow.record((attempt_1, "step.completed", {"step": "s"}), (attempt_1, "job.completed", {"result": "late"}))
    assert [row["type"] for row in late] == ["step.completed", "job.completed"]
    assert job_row(owner, job)["status"] == "running"
    quick.record((attempt_2, "job.completed", {"result": "in time"}))
    assert types_of(owner, job).count("attempt.superseded") == 2
    assert types_of(owner, job).count("job.completed") == 1
    assert_projection_is_fold(owner)


def test_p5_the_late_end_of_an_earlier_attempt_leaves_the_next_one_running(database: Database) -> None:
    """The same processor runs both attempts: the number alone tells them apart."""
    owner = database.connect()
    (job,) = push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (first,) = worker.claim()
    worker.record((first, "attempt.deferred", {"until": "2020-01-01T00:00:00Z"}))
    sequence(owner)
    (second,) = worker.claim()
    [late] = worker.record((first, "job.completed", {"result": 1}))
    assert late["attempt"] == first["attempt"]
    row = job_row(owner, job)
    assert (row["status"], row["attempt"]) == ("running", second["attempt"])
    assert_projection_is_fold(owner)


def test_p5_a_processor_cannot_end_anothers_attempt(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    mine, other = Worker(database.connect("worker")), Worker(database.connect("worker"))
    (claimed,) = mine.claim()
    assert len(other.record((claimed, "job.completed", {}))) == 1
    assert job_row(owner, job)["status"] == "running"
    assert_projection_is_fold(owner)


def test_p2_recording_again_after_a_lost_reply_changes_nothing(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    ids = [new_id(), new_id()]
    for _ in range(3):
        assert worker.record((claimed, "attempt.progressed", {"n": 1}), (claimed, "job.completed", {}), ids=ids) == []
    assert types_of(owner, job) == ["job.requested", "attempt.started", "attempt.progressed", "job.completed"]
    assert_projection_is_fold(owner)


def test_p2_ends_alone_are_recorded_once_under_ids_of_their_own(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    jobs = push_jobs(alice, 2)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    first, second = worker.claim()
    requests = "select e.id from ledger.events e where e.job_id = %(job)s and e.type = 'job.requested'"
    [taken] = owner.execute(requests, {"job": first["job_id"]}).fetchall()
    with pytest.raises(psycopg.errors.UniqueViolation):
        worker.record((first, "job.completed", {}), (second, "job.completed", {}), ids=[new_id(), taken["id"]])
    assert {job_row(owner, job)["status"] for job in jobs} == {"running"}
    ids, later = [new_id(), new_id()], {"until": LONG_AGO}
    for _ in range(2):
        assert worker.record((first, "job.completed", {}), (second, "attempt.deferred", later), ids=ids) == []
    assert [types_of(owner, job)[2:] for job in jobs] == [["job.completed"], ["attempt.deferred"]]
    assert_projection_is_fold(owner)


def test_a_retry_waits_for_its_time_and_then_counts_on(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (first,) = worker.claim()
    worker.record((first, "attempt.failed", {"error": {"type": "E"}, "retry_at": "2990-01-01T00:00:00Z"}))
    assert worker.claim() == []
    assert (job_row(owner, job)["status"], job_row(owner, job)["failures"]) == ("pending", 1)
    assert_projection_is_fold(owner)


def test_a_later_attempt_may_have_begun_in_an_older_transaction(database: Database) -> None:
    """By the server's clock it then started first; and both sides say the same of when the job did."""
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    first, second = Worker(database.connect("worker")), Worker(database.connect("worker"))
    with second.connection.transaction():
        second.connection.execute("select now()")
        (claimed,) = first.claim()
        first.record((claimed, "attempt.deferred", {"until": "2000-01-01T00:00:00Z"}))
        assert [row["attempt"] for row in second.claim()] == [2]
    assert job_row(owner, job)["attempt"] == 2
    assert_projection_is_fold(owner)


def test_a_job_that_was_asked_to_stop_is_not_retried(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    cancel(alice, job)
    sequence(owner)
    asked = worker.connection.execute(
        "select ledger.find_cancelled(%(processor)s, %(jobs)s) as job", {"processor": worker.id, "jobs": [job]}
    ).fetchall()
    assert [row["job"] for row in asked] == [job]
    worker.record((claimed, "attempt.failed", {"error": {"type": "E"}, "retry_at": LONG_AGO}))
    assert types_of(owner, job)[-2:] == ["attempt.failed", "job.cancelled"]
    assert_projection_is_fold(owner)


def test_a_processor_that_was_given_up_claims_nothing(database: Database) -> None:
    owner = database.connect()
    worker = Worker(database.connect("worker"))
    find_lost(owner, overdue=True)
    with pytest.raises(psycopg.Error, match="given up"):
        worker.claim()
    beat = worker.connection.execute("select ledger.beat(%(id)s) as beats", {"id": worker.id}).fetchone()
    assert beat == {"beats": None}


def test_a_processor_that_has_stopped_gets_an_error_code_of_its_own(database: Database) -> None:
    push_jobs(database.connect("app_alice"), 1)
    sequence(database.connect())
    worker = Worker(database.connect("worker"))
    worker.connection.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})
    with pytest.raises(psycopg.Error) as refused:
        worker.claim()
    assert refused.value.sqlstate == NOT_REGISTERED


def test_a_processor_is_lost_as_soon_as_its_session_ends(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    jobs = push_jobs(alice, 3)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    worker.claim()
    assert find_lost(owner) == []
    worker.connection.close()
    lost: list[object] = []
    while not lost:  # the server notices the closed session by itself
        lost = [row["job_id"] for row in find_lost(owner)]
    assert sorted(map(str, lost)) == sorted(map(str, jobs))


def test_p6_a_job_that_its_processor_had_claimed_twice_is_lost_once(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    worker.record((worker.claim()[0], "attempt.deferred", {"until": LONG_AGO}))
    sequence(owner)
    worker.claim()
    worker.connection.close()

    def lost() -> list[UUID]:
        return [row["job_id"] for row in find_lost(owner)]

    found = until(lambda: lost() or None, "the closed session to be noticed")
    assert found == [job]


def test_verify_notices_a_projection_that_is_not_the_fold(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 3)
    sequence(owner)
    verify(owner)
    owner.execute("update ledger.jobs set status = 'cancelled', finished_at = now() where seq = 2")
    with pytest.raises(VerificationFailed, match="status is 'cancelled', its events say 'pending'"):
        verify(owner)


@pytest.mark.parametrize(
    "data",
    [
        '{"attempt": 1, "result": "a\\u0000b"}',
        '{"attempt": 1, "result": "\\ud800"}',
        '{"attempt": 1, "result": 1e400}',
        '{"attempt": 1, "result": ' + "7" * 641 + "}",
        '{"attempt": 1, "result": ' + "[" * 128 + "]" * 128 + "}",
        '{"attempt": 1, "result": ' + "[" * 100_000,
        '["no", "object"]',
        '"no object"',
    ],
)
@pytest.mark.parametrize("kind", ["job.completed", "step.completed", "attempt.logged"])
def test_p14_a_processor_records_nothing_that_not_every_reader_can_read(
    database: Database, kind: str, data: str
) -> None:
    (job,) = push_jobs(database.connect("app_alice"), 1)
    owner = database.connect()
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    with pytest.raises(psycopg.DataError, match="not every reader could read"):
        worker.connection.execute(
            """
            select * from ledger.record(%(me)s, array[%(id)s]::uuid[], array[%(job)s]::uuid[], array[1],
                                        array[%(kind)s], array[now()], array[%(data)s])""",
            {"me": worker.id, "id": new_id(), "job": job, "kind": kind, "data": data},
        )
    assert job_row(owner, job)["status"] == "running"
    worker.record((claimed, "job.completed", {"result": 2**63}))
    assert_projection_is_fold(owner)


def test_p6_of_two_equal_steps_the_first_comes_first(database: Database) -> None:
    (job,) = push_jobs(database.connect("app_alice"), 1)
    owner = database.connect()
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    for n in (1, 2):
        worker.record((claimed, "step.completed", {"step": "s", "result": n}))
    rows = owner.execute("select data from ledger.completed_steps(%(jobs)s)", {"jobs": [job]}).fetchall()
    assert [json.loads(row["data"])["result"] for row in rows] == [1, 2]


def test_a_history_is_read_as_of_a_time_or_a_number(database: Database) -> None:
    owner = database.connect()
    (job,) = push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    worker.record((claimed, "job.completed", {}))
    sequence(owner)
    rows = read_history(owner, job)
    assert [row["type"] for row in rows] == ["job.requested", "attempt.started", "job.completed"]
    for n, row in enumerate(rows, 1):
        assert read_history(owner, job, as_of=row["recorded_at"]) == rows[:n]
        assert read_history(owner, job, as_of=row["seq"]) == rows[:n]
