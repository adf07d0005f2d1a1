"""Times that no calendar here holds: no door takes them, and none of them stops the log (P4, P14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from databases import Database
from in_process import Ledger, Start
from ledger_calls import Worker, assert_projection_is_fold, job_row, push_jobs, sequence
from psycopg import sql
from waiting import until

from ledger.model.ids import new_id
from processor import Deferred, JobContext, Registry, Retry

EAST = ["Asia/Tokyo", "Pacific/Kiritimati"]


@pytest.mark.parametrize("zone", [*EAST, "Etc/GMT+12"])
def test_p4_a_handler_that_asks_for_a_time_far_off_stops_nobody(database: Database, start: Start, zone: str) -> None:
    with database.connect() as owner:
        name = sql.Identifier(owner.info.dbname)
        owner.execute(sql.SQL("alter database {} set timezone = {}").format(name, sql.Literal(zone)))
    ledger, registry = Ledger(database), Registry()
    outcomes = {
        "retry": Retry(after=1e12),
        "deferred": Deferred(until=datetime.max.replace(tzinfo=UTC)),
        "long ago": Deferred(until=datetime.min.replace(tzinfo=UTC)),
    }

    @registry.handler("work")
    def work(params: dict[str, Any], job: JobContext) -> Any:
        return outcomes[params["how"]] if params["how"] in outcomes and job.attempt == 1 else "done"

    service = start(registry, poll_interval=0.5)
    far = [ledger.submit("work", {"how": how}) for how in ("retry", "deferred")]
    for job_id in far:
        until(lambda job=job_id: ledger.types(job)[-1] in ("attempt.failed", "attempt.deferred"), "it to wait")  # type: ignore[misc]
    for how in ("long ago", "at once"):
        assert ledger.wait_for(ledger.submit("work", {"how": how})).status == "completed"
    assert not service.ended
    assert ledger.count("select count(*) from ledger.jobs where run_at >= '8999-12-31' and run_at < '9000-01-02'") == 2
    ledger.verify()


NOT_TIMES = ["infinity", "-infinity", "tomorrow", "2026-01-01T00:00:00", "9001-01-01T00:00:00Z", "1599-01-01T00:00:00Z",
             "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+19:00", 5, {}, True]  # fmt: skip


@pytest.mark.parametrize("at", NOT_TIMES)
def test_p14_a_processor_records_no_time_that_a_reader_cannot_read(database: Database, at: Any) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (job,) = worker.claim()
    error = {"type": "x", "message": "y"}
    for kind, data in (
        ("attempt.deferred", {"until": at}),
        ("attempt.failed", {"error": error, "retry_at": at}),
        ("attempt.lost", {"processor": str(worker.id), "noticed_by": "lock", "retry_at": at}),
    ):
        with pytest.raises(psycopg.DataError):
            worker.record((job, kind, data))
    worker.record((job, "attempt.deferred", {"until": "2026-01-01T00:00:00.5+05:30"}))
    assert_projection_is_fold(owner)


@pytest.mark.parametrize("at", ["infinity", "-infinity", "9001-01-01", "0044-03-15 BC"])
def test_p14_an_event_happened_at_a_time_that_can_be_read(database: Database, at: str) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    (job,) = worker.claim()
    with pytest.raises(psycopg.errors.CheckViolation, match="times_can_be_read"):
        worker.connection.execute(
            """
            select ledger.record(%(processor)s, array[%(id)s]::uuid[], array[%(job)s]::uuid[], array[1],
                                 '{job.completed}', array[%(at)s]::timestamptz[], '{"{\\"attempt\\":1}"}')""",
            {"processor": worker.id, "id": new_id(), "job": job["job_id"], "at": at},
        )
    assert_projection_is_fold(owner)


@pytest.mark.parametrize(
    "at", ["infinity", "-infinity", "9000-01-01 00:00:00+00", "1599-12-31 23:59:59+00", "2026-01-01 00:00:00+00 BC"]
)
def test_p14_submit_takes_no_time_that_a_reader_cannot_read(database: Database, at: str) -> None:
    client = database.connect("app_alice")
    with pytest.raises(psycopg.Error, match="run_at must lie in the years 1600 to 8999"):
        client.execute("select ledger.submit('noop', run_at => %(at)s::timestamptz)", {"at": at})
    assert client.execute("select from ledger.my_jobs").fetchall() == []


@pytest.mark.parametrize("zone", EAST)
def test_a_pass_never_says_that_it_is_due_later_than_in_a_day(database: Database, zone: str) -> None:
    client, owner = database.connect("app_alice"), database.connect()
    assert next_due(owner) is None
    client.execute("select ledger.submit('noop', run_at => '8999-12-31T23:59:59Z')")
    sequence(owner)
    owner.execute(sql.SQL("set timezone = {}").format(sql.Literal(zone)))
    due = next_due(owner)
    assert due is not None
    assert due - datetime.now(UTC) < timedelta(days=1, minutes=1)
    (soon,) = push_jobs(client, 1, run_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    sequence(owner)
    assert next_due(owner) == job_row(owner, soon)["run_at"]


def next_due(owner: psycopg.Connection[Any]) -> datetime | None:
    row = owner.execute("select next_due from ledger.sequence()").fetchone()
    assert row is not None
    due = row["next_due"]
    assert due is None or isinstance(due, datetime)
    return due
