"""``jobledger log``."""

from __future__ import annotations

import json

import pytest
from databases import Database
from ledger_calls import push_jobs, sequence

from jobledger.cli import run


def test_log_prints_events_in_order(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    push_jobs(database.connect("app_alice"), 3)
    push_jobs(database.connect("app_bob"), 2)
    sequence(database.connect())
    auditor = database.dsn_as("auditor")
    assert run(["log", "--json", "--after", "1", "--limit", "3", "--dsn", auditor]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seq"] for line in lines] == [2, 3, 4]
    assert lines[0]["data"] == {"name": "noop"}
    assert run(["log", "--owner", "app_bob", "--dsn", auditor]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
