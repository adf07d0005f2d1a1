"""``jobledger verify``."""

from __future__ import annotations

import json

import pytest
from databases import Database
from ledger_calls import push_jobs, sequence

from jobledger.cli import run


def test_verify_ends_with_6_where_the_state_is_not_the_fold(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, auditor = database.connect(), database.dsn_as("auditor")
    push_jobs(database.connect("app_alice"), 2)
    sequence(owner)
    assert run(["verify", "--json", "--dsn", auditor]) == 0
    assert json.loads(capsys.readouterr().out) == {"verified": True, "events": 2, "jobs": 2, "unsequenced": 0}
    owner.execute("delete from ledger.queue where seq = 1")
    assert run(["verify", "--dsn", auditor]) == 6
    assert "exactly the pending jobs stand in the queue" in capsys.readouterr().err


def test_verify_runs_while_the_ledger_works(database: Database) -> None:
    """What has arrived and is not in order yet is no fault."""
    push_jobs(database.connect("app_alice"), 3)
    assert run(["verify", "--dsn", database.dsn_as("auditor")]) == 0
