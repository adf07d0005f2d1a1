"""What a processor's login may do with others' processors, and what it may not record (P5)."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from databases import Database
from ledger_calls import Worker, assert_projection_is_fold, job_row, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.model.ids import new_id

RECORD = """
    select * from ledger.record(%(processor)s, %(ids)s::uuid[], %(jobs)s::uuid[], %(attempts)s::integer[], %(types)s,
                                array_fill(now(), array[%(count)s]), %(data)s::text[])
"""


class Running:
    """A processor of the usual login that runs one job, and a session of another login that may call the same."""

    def __init__(self, database: Database) -> None:
        self.owner = database.connect()
        [self.job] = push_jobs(database.connect("app_alice"), 1)
        sequence(self.owner)
        self.worker = Worker(database.connect("worker"))
        [self.claimed] = self.worker.claim()

    def record(self, *events: tuple[str, str], session: Connection[DictRow] | None = None) -> None:
        """Record (type, data) each, data as it is."""
        (session or self.worker.connection).execute(
            RECORD,
            {
                "processor": self.worker.id,
                "ids": [new_id() for _ in events],
                "jobs": [self.job] * len(events),
                "attempts": [1] * len(events),
                "types": [kind for kind, _ in events],
                "count": len(events),
                "data": [data for _, data in events],
            },
        )

    def assert_still_runs(self) -> None:
        """The job runs where it ran, and nothing was recorded of it."""
        assert job_row(self.owner, self.job)["status"] == "running"
        assert self.owner.execute("select count(*) as n from ledger.claims").fetchone() == {"n": 1}
        said = self.owner.execute("select type from ledger.events where job_id = %(job)s", {"job": self.job})
        assert {row["type"] for row in said.fetchall()} == {"job.requested", "attempt.started"}
        assert_projection_is_fold(self.owner)


@pytest.fixture
def running(database: Database) -> Running:
    return Running(database)


def test_p5_a_login_speaks_only_for_processors_that_it_registered(running: Running) -> None:
    stranger, of_his = running.owner, {"id": running.worker.id, "claim": new_id()}
    with pytest.raises(psycopg.Error, match="another login") as refusal:
        running.record(("job.completed", '{"attempt": 1}'), session=stranger)
    assert refusal.value.sqlstate == "JL001"
    with pytest.raises(psycopg.Error, match="not registered by this login"):
        stranger.execute("select ledger.claim(%(id)s, %(claim)s, '{default}', '{noop}', 1)", of_his)
    assert stranger.execute("select ledger.beat(%(id)s) as beats", of_his).fetchone() == {"beats": None}
    stranger.execute("select ledger.stop_processor(%(id)s), ledger.forget_claims(%(id)s)", of_his)
    assert running.worker.connection.execute("select ledger.beat(%(id)s) as beats", of_his).fetchone() == {"beats": 1}
    running.assert_still_runs()


def test_p5_of_a_processor_that_is_gone_others_record_its_losses_and_nothing_else(running: Running) -> None:
    running.worker.connection.execute("select ledger.stop_processor(%(id)s)", {"id": running.worker.id})
    with pytest.raises(psycopg.Error, match="another login"):
        running.record(("job.completed", '{"attempt": 1}'), session=running.owner)
    lost = {"attempt": 1, "processor": str(running.worker.id), "noticed_by": "lock", "retry_at": "2020-01-01T00:00:00Z"}
    running.record(("attempt.lost", json.dumps(lost)), session=running.owner)
    running.owner.execute("select ledger.forget_claims(%(id)s)", {"id": running.worker.id})
    assert job_row(running.owner, running.job)["status"] == "pending"
    assert_projection_is_fold(running.owner)


@pytest.mark.parametrize("data", ["[1]", '"x"', "1", "null", "{}", '{"attempt": 2}', '{"attempt": "1"}',
                                  '{"attempt": 1, "attempt": 2}'])  # fmt: skip
@pytest.mark.parametrize("kind", ["job.completed", "attempt.progressed", "attempt.failed", "job.failed"])
def test_data_that_does_not_name_its_attempt_is_not_recorded(running: Running, kind: str, data: str) -> None:
    data = data.replace("attempt", "attempts") if kind == "job.failed" else data
    with pytest.raises(psycopg.Error, match=r"names its attempt|it is not a JSON object") as refusal:
        running.record((kind, data))
    assert refusal.value.sqlstate in ("JL002", "22023")
    running.assert_still_runs()


ENDS: dict[str, dict[str, Any]] = {
    "job.completed": {"attempt": 1},
    "job.cancelled": {"attempt": 1},
    "job.failed": {"attempts": 1, "error": {"type": "E", "message": "m", "retryable": False}},
    "attempt.failed": {"attempt": 1, "error": {"type": "E", "message": "m", "retryable": False}, "retry_at": None},
    "attempt.deferred": {"attempt": 1, "until": "2020-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("ends", [
    ("job.completed", "job.completed"), ("job.completed", "job.failed"), ("job.cancelled", "job.completed"),
    ("attempt.failed", "job.completed"), ("attempt.deferred", "job.failed"), ("attempt.failed", "attempt.failed"),
    ("attempt.failed", "job.failed", "job.completed"),
])  # fmt: skip
def test_p4_an_attempt_has_one_end(running: Running, ends: tuple[str, ...]) -> None:
    with pytest.raises(psycopg.Error, match="ends once") as refusal:
        running.record(*((kind, json.dumps(ENDS[kind])) for kind in ends))
    assert refusal.value.sqlstate == "JL002"
    running.assert_still_runs()


def test_p4_a_last_failure_comes_with_the_end_of_its_job(running: Running) -> None:
    running.record(*((kind, json.dumps(ENDS[kind])) for kind in ("attempt.failed", "job.failed")))
    assert job_row(running.owner, running.job)["status"] == "failed"
    assert_projection_is_fold(running.owner)
