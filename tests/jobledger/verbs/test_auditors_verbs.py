"""What history, log and verify have in common."""

from __future__ import annotations

import pytest
from databases import Database
from ledger_calls import push_jobs, sequence

from jobledger.cli import run
from ledger.model.ids import new_id


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


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["history", str(new_id())], 3, "no job"),
        (["history", "seven"], 2, "not a job id"),
        (["history", str(new_id()), "--as-of", "noon"], 2, "RFC 3339"),
        (["log", "--after", "-1"], 2, "Invalid value"),
    ],
)
def test_wrong_input_is_one_line(
    database: Database, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert run([*arguments, "--dsn", database.dsn_as("auditor")]) == code
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", [["log"], ["verify"], ["history", str(new_id())]])
def test_no_server_and_no_ledger_give_different_errors(
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
