"""The app's API with no server in sight."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from client_sync import JobClient, Submission
from client_sync.file.replica import Replica
from ledger.errors import Conflict, InvalidEvent, JobNotFound, LedgerError
from ledger.model.ids import new_id

UNKNOWN = UUID("01970000-0000-7000-8000-000000000001")


def test_a_submission_is_a_job_at_once(jobs: JobClient) -> None:
    job = jobs.submit("count-words", {"path": "a.txt"}, priority=5, labels={"team": "docs"})
    assert (job.name, job.status, job.standing, job.shown) == ("count-words", "pending", "saved", "saved")
    assert (job.priority, job.labels, job.finished) == (5, {"team": "docs"}, False)
    assert jobs.get(job.id) == job == jobs.get(str(job.id))


SUBMIT_AND_DIE = """
import os, signal, sys
from client_sync import JobClient
job = JobClient(sys.argv[1]).submit("count-words")
sys.stdout.write(str(job.id))
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_submit_returns_is_what_the_file_says(jobs: JobClient) -> None:
    everything: dict[str, Any] = {
        "namespace": "n", "priority": 7, "key": "k", "labels": {"team": ("docs", 1), 5: None},
        "run_at": "2030-01-01T02:00:00+02:00", "expires_at": datetime(2031, 1, 1, tzinfo=UTC), "max_attempts": 3,
        "timeout": 1.5,
        "parent": new_id(),
    }  # fmt: skip
    asked = [jobs.submit("a", **{field: value}) for field, value in everything.items()]
    asked += [jobs.submit("a", **everything), jobs.submit("a", **everything), jobs.submit("b", job_id=new_id())]
    assert asked == [jobs.get(job.id) for job in asked]


def test_p1_what_submit_returned_survives_the_process(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUBMIT_AND_DIE, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with JobClient(path) as jobs:
        assert jobs.get(done.stdout).name == "count-words"


def test_a_wrong_submission_leaves_nothing(jobs: JobClient) -> None:
    with pytest.raises(InvalidEvent):
        jobs.submit("")
    assert jobs.list() == []
    assert jobs.unsent == 0


def test_a_cancel_is_shown_as_asked_for(jobs: JobClient) -> None:
    job = jobs.submit("count-words")
    cancelled = jobs.cancel(job.id, reason="wrong file")
    assert (cancelled.status, cancelled.shown, cancelled.finished) == ("cancelled", "cancelling", False)
    assert [event.type for event in jobs.history(job.id)] == ["job.requested", "job.cancel_requested"]


def test_a_second_cancel_appends_nothing(jobs: JobClient) -> None:
    job = jobs.submit("count-words")
    assert jobs.cancel(job.id) == jobs.cancel(job.id, reason="really")
    assert jobs.unsent == 2


def test_an_unknown_job_is_not_found(jobs: JobClient) -> None:
    for look in (jobs.get, jobs.cancel, jobs.history, jobs.watch, jobs.wait):
        with pytest.raises(JobNotFound, match=str(UNKNOWN)):
            look(UNKNOWN)
    with pytest.raises(InvalidEvent, match="not a job id"):
        jobs.get("nonsense")


def test_a_key_stands_for_one_unfinished_job(jobs: JobClient) -> None:
    first = jobs.submit("report", key="daily")
    assert jobs.submit("report", {"other": True}, key="daily") == first
    assert jobs.submit("report", key="weekly").id != first.id
    assert jobs.submit("report", key="daily", namespace="other").id != first.id
    assert jobs.submit("other", key="daily").id != first.id
    assert jobs.unsent == 4
    jobs.cancel(first.id)
    assert jobs.submit("report", key="daily").id != first.id


def test_the_same_request_under_the_same_id_is_made_once(jobs: JobClient) -> None:
    job_id = new_id()
    job = jobs.submit("a", {"n": 1}, job_id=job_id)
    assert job.id == job_id
    assert jobs.submit("a", {"n": 1}, job_id=str(job_id)) == job
    with pytest.raises(Conflict, match="requested before"):
        jobs.submit("a", {"n": 2}, job_id=job_id)
    assert jobs.unsent == 1


def test_many_requests_come_from_any_iterable(jobs: JobClient) -> None:
    wanted: list[Submission | Mapping[str, Any]] = [{"name": "a", "params": {"n": n}} for n in range(1200)]
    ids = jobs.submit_many(iter([*wanted, Submission(name="b", priority=3)]))
    assert len(set(ids)) == 1201
    assert jobs.get(ids[-1]).priority == 3
    assert jobs.unsent == 1201


def test_the_batches_before_a_wrong_request_are_saved(jobs: JobClient) -> None:
    requests = [{"name": "a"}] * 600 + [{"name": ""}]
    with pytest.raises(InvalidEvent):
        jobs.submit_many(requests)
    assert jobs.unsent == 500


def test_the_request_that_the_file_refuses_is_named_among_many(jobs: JobClient, plain: sqlite3.Connection) -> None:
    plain.execute(
        "create trigger picky before insert on events when json_extract(new.data, '$.params.n') = 30"
        " begin select raise(abort, 'not this one'); end"
    )
    wanted = [Submission(name="a", params={"n": n}, job_id=new_id() if n == 30 else None) for n in range(120)]
    with pytest.raises(InvalidEvent, match=f"job {wanted[30].job_id}: not this one"):
        jobs.submit_many(wanted)
    assert jobs.unsent == 0, "each batch whole, or not at all"


def test_a_request_sees_those_of_its_batch(jobs: JobClient) -> None:
    wanted = [{"name": "a"}, {"name": "b", "key": "k"}] * 60
    ids = jobs.submit_many(wanted)
    assert len(set(ids[1::2])) == 1
    assert jobs.unsent == 61


def test_jobs_are_listed_latest_first(jobs: JobClient) -> None:
    a, b, c = (jobs.submit(name) for name in ("a", "b", "c"))
    jobs.cancel(b.id)
    assert [job.id for job in jobs.list()] == [c.id, b.id, a.id]
    assert [job.id for job in jobs.list(status="pending")] == [c.id, a.id]
    assert [job.id for job in jobs.list(name="a")] == [a.id]
    assert [job.id for job in jobs.list(limit=1)] == [c.id]
    assert [job.id for job in jobs.list(before=b.id)] == [a.id]
    assert jobs.list(namespace="other") == []


def test_a_transaction_holds_the_apps_tables_and_its_requests(jobs: JobClient) -> None:
    with jobs.transaction() as db:
        db.execute("create table notes (text)")

    class Mistake(Exception):
        pass

    def publish_a_draft() -> None:
        with jobs.transaction() as db:
            db.execute("insert into notes values ('draft')")
            jobs.cancel(jobs.submit("publish").id)
            raise Mistake

    with pytest.raises(Mistake):
        publish_a_draft()
    assert jobs.list() == []

    with jobs.transaction() as db:
        db.execute("insert into notes values ('final')")
        jobs.submit("publish")
        jobs.submit_many([{"name": "publish"}])
    assert jobs.unsent == 2
    with jobs.transaction() as db:
        assert db.execute("select text from notes").fetchall() == [("final",)]


def test_a_request_inside_a_transaction_is_seen_by_others_after_it(jobs: JobClient, plain: sqlite3.Connection) -> None:
    with jobs.transaction():
        jobs.submit("a")
        assert plain.execute("select count(*) from events").fetchone() == (0,)
    assert plain.execute("select count(*) from events").fetchone() == (1,)


def test_threads_share_a_client(jobs: JobClient) -> None:
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(25):
            jobs.submit("a")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with jobs.transaction() as db:
        numbers = db.execute("select local_seq from events order by local_seq").fetchall()
    assert numbers == [(n,) for n in range(1, 201)], "without a gap"


def test_a_thread_that_ended_leaves_no_connection_open(path: Path) -> None:
    replica = Replica(path)
    for _ in range(5):
        thread = threading.Thread(target=replica.connection)
        thread.start()
        thread.join()
    other = threading.Thread(target=replica.connection)
    other.start()
    other.join()
    assert len(replica._connections) == 2, "this thread's, and the last one's until the next comes"
    replica.close()


SUBMIT_SOME = (
    "import sys; from client_sync import JobClient; j = JobClient(sys.argv[1]); [j.submit('a') for _ in range(25)]"
)


def test_processes_share_a_file(path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", SUBMIT_SOME, str(path)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    with JobClient(path) as jobs, jobs.transaction() as db:
        numbers = db.execute("select local_seq from events order by local_seq").fetchall()
        assert numbers == [(n,) for n in range(1, 101)]


def test_a_forked_child_uses_a_connection_of_its_own(jobs: JobClient) -> None:
    jobs.submit("parent")
    child = os.fork()
    if child == 0:
        try:
            jobs.submit("child")
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [job.name for job in jobs.list()] == ["child", "parent"]


def test_a_writer_that_keeps_the_file_is_waited_for_and_then_named(jobs: JobClient, plain: sqlite3.Connection) -> None:
    with jobs.transaction() as db:
        db.execute("pragma busy_timeout = 50")  # of this thread's connection, from here on
    plain.execute("begin immediate")
    with pytest.raises(Conflict, match="is busy"):
        jobs.submit("a")
    plain.execute("rollback")
    jobs.submit("a")


def test_p1_what_does_not_fit_on_the_disk_is_not_promised(jobs: JobClient) -> None:
    kept = jobs.submit("a")
    with jobs.transaction() as db:
        ((pages,),) = db.execute("pragma page_count").fetchall()
        db.execute(f"pragma max_page_count = {pages + 3}")
    with pytest.raises(LedgerError, match="disk is full"):
        jobs.submit("b", {"text": "x" * 200_000})
    assert jobs.list() == [kept]


def test_text_that_is_not_utf8_stops_nobody(jobs: JobClient, plain: sqlite3.Connection) -> None:
    plain.execute(
        "insert into events (type, data) values ('job.requested', cast(:data as text))",
        {"data": b'{"name": "caf\xe9"}'},
    )
    assert jobs.list()[0].name == "caf\N{REPLACEMENT CHARACTER}"


def test_without_a_server_there_is_nothing_to_sync_with(jobs: JobClient) -> None:
    for attempt in (jobs.sync, jobs.start_sync):
        with pytest.raises(LedgerError, match="has no server"):
            attempt()
    assert jobs.sync_error is None
