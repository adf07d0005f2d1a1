"""``jobledger history``."""

from __future__ import annotations

import json

import pytest
from databases import Database
from ledger_calls import Worker, push_jobs, sequence

from jobledger.cli import run


def test_history_shows_who_when_and_what(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    owner = database.connect()
    (job,) = push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker = Worker(database.connect("worker"))
    worker.record((worker.claim()[0], "job.completed", {"result": {"n": 7}}))
    sequence(owner)
    auditor = database.dsn_as("auditor")
    assert run(["history", str(job), "--dsn", auditor]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("job.requested", "app_alice", "attempt.started", "worker", "job.completed"))
    assert '=> completed, attempt 1, result {"n": 7}' in told
    assert run(["history", str(job), "--as-of", "1", "--dsn", auditor]) == 0
    assert "=> pending, attempt 0" in capsys.readouterr().out
    assert run(["history", str(job), "--json", "--dsn", auditor]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["job.requested", "attempt.started", "job.completed"]
