"""Settings that a processor's own login may change: what it calls does the same under each (P15)."""

from __future__ import annotations

import pytest
from databases import Database
from ledger_calls import Worker, assert_projection_is_fold, job_row, push_jobs, types_of
from security.test_settings_of_the_session import HARMLESS

# with other dates the driver reads no answer at all: our own sessions set theirs
SETTINGS = [setting for setting in HARMLESS if not setting.startswith(("role", "datestyle"))]


@pytest.mark.parametrize("setting", [*SETTINGS, "xmloption = document", "exit_on_error = on"])
def test_p15_what_a_processor_calls_depends_on_no_setting_of_its_session(database: Database, setting: str) -> None:
    owner, client = database.connect(), database.connect("app_alice")
    done, retried, lost = push_jobs(client, 3)
    (expired,) = push_jobs(client, 1, limits={"expires_at": "2099-01-01T00:00:00Z"})
    session = database.connect("worker")
    session.execute(f"set {setting}".encode())
    session.execute("select sequenced from ledger.sequence()")
    worker = Worker(session)
    claimed = {job["job_id"]: job for job in worker.claim(4)}
    worker.record(
        (claimed[done], "step.completed", {"step": "s", "result": "\\"}),
        (claimed[done], "job.completed", {"result": {"text": '\\" null'}}),
        (claimed[retried], "attempt.failed", {"error": {"type": "x"}, "retry_at": "8999-12-31T23:59:59.999999-14:00"}),
        (claimed[expired], "attempt.deferred", {"until": "2026-01-01T00:00:00Z"}),
    )
    steps = session.execute("select data from ledger.completed_steps(%(ids)s)", {"ids": [done]}).fetchall()
    assert steps == [{"data": '{"attempt": 1, "step": "s", "result": "\\\\"}'}]
    owner.execute("update ledger.queue set expires_at = now() where job_id = %(id)s", {"id": expired})
    session.execute("select sequenced from ledger.sequence()")
    session.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})
    found = session.execute("select job_id from ledger.find_lost('{}', '{}', '{}')").fetchall()
    assert {row["job_id"] for row in found if row["job_id"]} == {lost}
    assert [job_row(owner, job)["status"] for job in (done, retried, lost, expired)] == [
        "completed", "pending", "running", "failed"
    ]  # fmt: skip
    assert types_of(owner, expired)[-1] == "job.failed"
    session.close()
    assert_projection_is_fold(owner)
