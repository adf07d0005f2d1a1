"""``jobledger init``."""

from __future__ import annotations

from databases import Database
from verb_output import Output, run_json

from jobledger.cli import run
from ledger.postgres.schema import VERSION


def test_init_installs_once_and_then_checks(empty_database: Database, capsys: Output) -> None:
    dsn = empty_database.dsn
    assert run(["init", "--check", "--dsn", dsn]) == 1
    assert "has no job ledger" in capsys.readouterr().err
    assert run_json(capsys, "init", "--dsn", dsn)["installed"] is True
    assert run_json(capsys, "init", "--dsn", dsn) | {"database": ""} == {
        "database": "",
        "version": VERSION,
        "installed": False,
        "mended": [],
    }
    assert run(["init", "--check", "--dsn", dsn]) == 0
    assert f"schema version {VERSION}" in capsys.readouterr().out


def test_init_mends_rights_and_says_which(database: Database, capsys: Output) -> None:
    dsn = database.dsn
    database.connect().execute("revoke select on ledger.log from ledger_auditor")
    assert run(["init", "--check", "--dsn", dsn]) == 4
    assert "1 rights are not as they were installed; missing: ledger_auditor may select" in capsys.readouterr().err
    assert run(["init", "--dsn", dsn]) == 0
    assert "mended missing: ledger_auditor may select on table ledger.log\n" in capsys.readouterr().out
    assert run(["init", "--check", "--dsn", dsn]) == 0
