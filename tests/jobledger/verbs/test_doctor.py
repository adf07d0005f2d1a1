"""The verb doctor: a file, a server, or both."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from ledger_calls import push_jobs, sequence

from client_sync import JobClient
from jobledger.cli import run

Output = pytest.CaptureFixture[str]
NOWHERE = "postgresql://127.0.0.1:1/nothing"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings."""
    for name in [name for name in os.environ if name.startswith(("JOBLEDGER_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doctor(output: Output, *arguments: str, code: int) -> dict[str, dict[str, Any]]:
    """What is said, by part and check."""
    assert run(["doctor", *arguments, "--json"]) == code
    found: dict[str, dict[str, Any]] = {}
    for finding in json.loads(output.readouterr().out):
        assert set(finding) == {"part", "level", "check", "message", "advice"}
        found.setdefault(finding["part"], {})[finding["check"]] = finding
    return found


def test_a_file_alone_needs_no_server(bare: Path, capsys: Output) -> None:
    with JobClient(bare / "app.db") as jobs:
        jobs.submit("a")
    assert set(doctor(capsys, "--db", "app.db", code=0)) == {"file"}


def test_a_file_that_a_variable_or_the_settings_name_is_examined(
    bare: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    JobClient(bare / "app.db").close()
    (bare / "jobledger.toml").write_text('db = "app.db"\n')
    assert set(doctor(capsys, code=0)) == {"file", "here"}, "and which settings are used"
    (bare / "jobledger.toml").unlink()
    monkeypatch.setenv("JOBLEDGER_DB", "app.db")
    assert set(doctor(capsys, code=0)) == {"file"}


def test_a_file_of_the_usual_name_is_examined_where_it_is(bare: Path, capsys: Output) -> None:
    JobClient(bare / "jobs.db").close()
    assert set(doctor(capsys, code=0)) == {"file"}


def test_a_server_alone_needs_no_file(bare: Path, database: Database, capsys: Output) -> None:
    assert set(doctor(capsys, "--dsn", database.dsn, code=1)) == {"server"}
    assert list(bare.iterdir()) == []
    (bare / "jobs.db").write_text("of some other program")
    assert set(doctor(capsys, "--dsn", database.dsn, code=1)) == {"server"}


def test_with_neither_it_is_libpqs_server(bare: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", str(bare))
    assert run(["doctor"]) == 7
    assert capsys.readouterr().err.startswith("error: no session with Postgres")
    JobClient(bare / "jobs.db").close()
    assert set(doctor(capsys, code=7)) == {"file", "server"}


def test_without_its_server_a_file_is_examined_all_the_same(bare: Path, capsys: Output) -> None:
    JobClient(bare / "app.db").close()
    found = doctor(capsys, "--db", "app.db", "--dsn", NOWHERE, code=7)
    assert "could be compared" in found["server"]["reachable"]["message"]
    assert found["file"]["pages"]["level"] == "ok"
    (bare / "app.db").write_bytes(b"no database")
    doctor(capsys, "--db", "app.db", "--dsn", NOWHERE, code=1)


def test_a_file_and_its_server_are_compared(bare: Path, database: Database, capsys: Output) -> None:
    dsn = database.dsn_as("app_alice")
    database.connect().execute("select ledger.ensure_epoch()")
    with JobClient(bare / "app.db", dsn=dsn) as jobs:
        jobs.submit("a")
        jobs.sync()
    found = doctor(capsys, "--db", "app.db", "--dsn", dsn, code=0)
    assert found["both"]["server"]["level"] == "ok"
    assert found["both"]["clock"]["message"].startswith("the server's clock is now ")
    assert "may not look into it" in found["server"]["rights"]["message"], "a client sees its own jobs only"
    push_jobs(database.connect("app_alice"), 1)
    sequence(database.connect())
    assert doctor(capsys, "--db", "app.db", "--dsn", dsn, code=0)["both"]["server"]["level"] == "note"
    found = doctor(capsys, "--db", "app.db", "--dsn", database.dsn_as("operator"), code=1)
    assert found["both"]["owner"]["level"] == "warn"
    assert found["server"]["leader"]["level"] == "fail"


def test_a_missing_or_damaged_file_fails_and_says_what_to_type(bare: Path, capsys: Output) -> None:
    assert run(["doctor", "--db", "missing.db"]) == 1
    assert "fail  file" in capsys.readouterr().out
    with JobClient(bare / "app.db") as jobs:
        jobs.submit("a")
    content = bytearray((bare / "app.db").read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    (bare / "app.db").write_bytes(content)
    assert run(["doctor", "--db", "app.db"]) == 1
    assert f"-> save what it holds: jobledger salvage {bare / 'app.db'} --into NEW" in capsys.readouterr().out
