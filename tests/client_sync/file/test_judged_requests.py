"""What ``JobClient`` has validated, the file's triggers do not validate again; the rows are the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from client_sync import JobClient, Submission
from ledger.errors import InvalidEvent

NEW_ID = "01970000-0000-7000-8000-000000000001"


class Name(StrEnum):
    REPORT = "report"


def one(jobs: JobClient, fields: dict[str, Any]) -> UUID:
    return jobs.submit(**fields).id


def first_of_many(jobs: JobClient, fields: dict[str, Any]) -> UUID:
    return jobs.submit_many([fields] * 53)[0]


def last_of_many(jobs: JobClient, fields: dict[str, Any]) -> UUID:
    return jobs.submit_many([fields] * 53)[-1]


def of_many_others(jobs: JobClient, fields: dict[str, Any]) -> UUID:
    return jobs.submit_many([*[{"name": "a", "priority": 1}] * 30, fields, *[Submission(name="a")] * 30])[30]


def in_a_transaction(jobs: JobClient, fields: dict[str, Any]) -> UUID:
    with jobs.transaction():
        return jobs.submit(**fields).id


REQUESTS: list[dict[str, Any]] = [
    {"name": "a"},
    {"name": "ä" * 200, "params": {"ä": [1, 2.5, None, True, {"x": "\n\\\"'"}]}},
    {"name": Name.REPORT, "namespace": Name.REPORT},
    {"name": "a", "params": {"text": "\\u0000", "deep": [[[[]]]]}},
    {
        "name": "a", "namespace": "n", "params": {"x": 1}, "priority": -7, "run_at": datetime(2030, 1, 1, tzinfo=UTC),
        "labels": {"team": "döcs", "n": [1, 1e3, None]}, "max_attempts": 3, "timeout": 1.5,
        "expires_at": "2031-01-01T02:00:00+02:00", "retry_of": NEW_ID, "parent": NEW_ID,
    },
    {"name": "a", "params": {"x": 1}, "key": "k"},
    {"name": "a", "labels": {"x": {}}, "run_at": "2030-01-01T00:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("ask", [one, first_of_many, last_of_many, of_many_others, in_a_transaction])
@pytest.mark.parametrize("fields", REQUESTS)
@pytest.mark.parametrize("owner", [None, "app_alice"])
def test_a_request_is_stored_as_the_triggers_would_have_stored_it(
    jobs: JobClient,
    plain: sqlite3.Connection,
    tmp_path: Path,
    ask: Callable[[JobClient, dict[str, Any]], UUID],
    fields: dict[str, Any],
    owner: str | None,
) -> None:
    owned = "update replica set owner = :owner where owner is not :owner"
    plain.execute(owned, {"owner": owner})
    event = "select id, job_id, type, occurred_at, data from events where job_id = :id"
    job = "select * from jobs where job_id = :id"
    key = {"id": str(ask(jobs, fields))}
    (row,) = plain.execute(event, key)
    with JobClient(tmp_path / "other.db") as other, other.transaction() as db:
        db.execute(owned, {"owner": owner})
        db.execute("insert into events (id, job_id, type, occurred_at, data) values (?, ?, ?, ?, ?)", row)
        assert plain.execute(job, key).fetchall() == db.execute(job, key).fetchall()
        assert jobs.get(key["id"]) == other.get(key["id"])
    numbers = [number for (number,) in plain.execute("select local_seq from events order by rowid")]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_request_is_validated_by_the_limits_of_the_moment(jobs: JobClient, plain: sqlite3.Connection) -> None:
    big = {"x": "x" * 1000}
    jobs.submit("a", big)
    plain.execute("update replica set max_event_bytes = 500")
    for ask in (one, in_a_transaction, first_of_many):
        with pytest.raises(InvalidEvent, match="the limit is 500"):
            ask(jobs, {"name": "a", "params": big})
    jobs.submit("a")
    plain.execute("update replica set max_event_bytes = 5000")
    jobs.submit("a", big, key="k")
    assert jobs.unsent == 3


def test_many_are_validated_by_the_limits_of_the_moment_in_which_they_are_written(
    jobs: JobClient, plain: sqlite3.Connection
) -> None:
    class Slow(BaseModel):
        x: dict[str, str]

        def model_dump(self, **how: Any) -> dict[str, Any]:
            if not jobs._replica.connection().in_transaction:
                plain.execute("update replica set max_json_depth = 2")  # another process, while this one judges
            return super().model_dump(**how)

    with pytest.raises(InvalidEvent, match="nests deeper than 2 levels"):
        jobs.submit_many([{"name": "a", "params": Slow(x={})}])
    assert jobs.unsent == 0


def test_the_owner_is_known_once_another_process_has_learnt_it(jobs: JobClient, plain: sqlite3.Connection) -> None:
    assert jobs.submit("a").owner is None
    plain.execute("update replica set owner = 'app_alice'")
    job = jobs.submit("a")
    assert job.owner == "app_alice"
    assert jobs.get(job.id) == job


def test_an_app_that_goes_on_after_a_refusal_has_no_job_without_its_request(
    jobs: JobClient, plain: sqlite3.Connection
) -> None:
    plain.execute(
        "create trigger picky before insert on events when json_extract(new.data, '$.params.n') = 30"
        " begin select raise(abort, 'not this one'); end"
    )
    with jobs.transaction():
        with pytest.raises(InvalidEvent, match="not this one"):
            jobs.submit_many([{"name": "a", "params": {"n": n}} for n in range(60)])
        with pytest.raises(InvalidEvent, match="not this one"):
            jobs.submit("a", {"n": 30})
        jobs.submit("after")
    (counts,) = plain.execute(
        "select (select count(*) from jobs), (select count(*) from events),"
        " (select count(*) from jobs j join events e on e.id = j.request_id and e.job_id = j.job_id)"
    )
    assert len(set(counts)) == 1
    assert "after" in {job.name for job in jobs.list()}


DOOR = (
    "{how} into judged_requests (owner, max_event_bytes, max_params_bytes, max_json_depth, max_batch_bytes,"
    " job_id, requested_at, name, data, namespace, priority, labels)"
    " select owner, max_event_bytes, max_params_bytes, max_json_depth, max_batch_bytes,"
    " :id, '2026-01-01T00:00:00Z', 'b', :data, 'default', 0, '{{}}' from replica"
)


@pytest.mark.parametrize("how", ["insert", "replace", "insert or ignore"])
def test_nothing_is_replaced_by_way_of_the_door(jobs: JobClient, plain: sqlite3.Connection, how: str) -> None:
    job = jobs.submit("a")
    before = plain.execute("select * from events join jobs using (job_id)").fetchall()
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(DOOR.format(how=how), {"id": str(job.id), "data": '{"name":"b"}'})
    assert plain.execute("select * from events join jobs using (job_id)").fetchall() == before


@pytest.mark.parametrize("how", ["insert", "replace", "insert or ignore"])
def test_the_tables_checks_hold_for_the_door(plain: sqlite3.Connection, how: str) -> None:
    for wrong in ({"id": NEW_ID, "data": "{"}, {"id": "x", "data": "{}"}):
        plain.execute("begin")
        with pytest.raises(sqlite3.IntegrityError):
            plain.execute(DOOR.format(how=how), wrong)
        plain.execute("rollback")
    assert plain.execute("select (select count(*) from events), (select count(*) from jobs)").fetchone() == (0, 0)


def test_after_one_validated_request_the_next_of_plain_sql_is_validated(
    jobs: JobClient, plain: sqlite3.Connection
) -> None:
    with jobs.transaction() as db:
        jobs.submit_many([{"name": "a"}] * 60)
        job = jobs.submit("a")
        for wrong in ({"job_id": str(job.id), "data": '{"name": "a"}'}, {"job_id": NEW_ID, "data": '{"name": 5}'}):
            with pytest.raises(sqlite3.IntegrityError):
                db.execute("insert into events (job_id, type, data) values (:job_id, 'job.requested', :data)", wrong)
    assert plain.execute("select count(*) from events").fetchone() == (61,)
