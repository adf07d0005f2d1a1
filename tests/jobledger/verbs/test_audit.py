"""The auditor's verbs, as typed: output, JSON, exit codes, one clean line for what is wrong."""

from __future__ import annotations

import json

import pytest
from databases import Database
from doors import Worker, push_jobs, sequence

from jobledger.cli import run
from ledger.model.ids import new_id

VERBS = ["history", "log", "verify"]


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == 0
    assert f"jobledger {verb}" in capsys.readouterr().out


def test_history_tells_who_when_and_what(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.parametrize(
    "spoil",
    [
        "revoke select on ledger.log from ledger_auditor",
        "revoke execute on function ledger.read_all from ledger_auditor",
        "revoke usage on schema ledger from ledger_auditor",
    ],
)
@pytest.mark.parametrize("verb", ["log", "verify"])
def test_rights_that_are_gone_are_an_error_and_not_an_empty_log(
    database: Database, capsys: pytest.CaptureFixture[str], verb: str, spoil: str
) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    owner.execute(spoil.encode())
    assert run([verb, "--dsn", database.dsn_as("auditor")]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: permission denied")
    assert "jobledger doctor says whether rights are missing" in told.err


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


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["history", str(new_id())], 3, "no job"),
        (["history", "seven"], 2, "not a job id"),
        (["history", str(new_id()), "--as-of", "noon"], 2, "RFC 3339"),
        (["log", "--after", "-1"], 2, "Invalid value"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    database: Database, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert run([*arguments, "--dsn", database.dsn_as("auditor")]) == code
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [["log"], ["verify"], ["history", str(new_id())]])
def test_no_server_and_no_ledger_are_told_apart(
    empty_database: Database, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run([*arguments, "--dsn", "host=127.0.0.1 port=1"]) == 7
    assert run([*arguments, "--dsn", empty_database.dsn]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "jobledger init" in lines[1]


@pytest.mark.parametrize("arguments", [["log"], ["verify"], ["history", str(new_id())]])
def test_a_newer_schema_is_a_conflict(
    database: Database, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    database.connect().execute("insert into ledger.schema_version (version, oldest_code) values (99, 99)")
    assert run([*arguments, "--dsn", database.dsn_as("auditor")]) == 4
    assert "upgrade jobledger" in capsys.readouterr().err


def test_verify_runs_while_the_ledger_works(database: Database) -> None:
    """What has arrived and is not in order yet is no fault."""
    push_jobs(database.connect("app_alice"), 3)
    assert run(["verify", "--dsn", database.dsn_as("auditor")]) == 0
