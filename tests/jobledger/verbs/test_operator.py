"""The operator's verbs, as typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from doors import Worker, push_jobs, sequence
from in_process import Ledger, Start
from waiting import until

from jobledger.cli import run
from ledger.postgres.schema import VERSION
from processor import Registry

Output = pytest.CaptureFixture[str]


def run_json(output: Output, *arguments: str, code: int = 0) -> Any:
    assert run([*arguments, "--json"]) == code
    return json.loads(output.readouterr().out)


def findings(output: Output, dsn: str, *, code: int) -> dict[str, list[dict[str, Any]]]:
    """What doctor says, by check."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in run_json(output, "doctor", "--dsn", dsn, code=code):
        found.setdefault(finding["check"], []).append(finding)
    return found


@pytest.mark.parametrize("verb", ["init", "serve", "stats", "doctor"])
def test_help_shows_an_example(verb: str, capsys: Output) -> None:
    assert run([verb, "--help"]) == 0
    assert f"jobledger {verb}" in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        ("no_such_module:jobs", "no module 'no_such_module'"),
        ("served_jobs:nothing", "served_jobs has no 'nothing'"),
        ("served_jobs:Number", "served_jobs:Number is a ModelMetaclass, not a processor.Registry"),
        ("served_jobs", "is not the place of a registry"),
        ("broken:jobs", "broken cannot be imported: ZeroDivisionError: division by zero"),
        ("needy:jobs", "needy needs the module 'no_such_dependency'"),
        ("empty:jobs", "empty:jobs has no handlers"),
    ],
)
def test_serve_says_what_is_wrong_with_the_app(
    app: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needy.py").write_text("import no_such_dependency")
    (tmp_path / "empty.py").write_text("from processor import Registry\njobs = Registry()")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run(["serve", "--app", app, "--dsn", "host=nowhere.invalid"]) == 1
    error = capsys.readouterr().err.strip()
    assert complaint in error
    assert "\n" not in error


def test_serve_needs_a_schema_and_a_server(empty_database: Database, tmp_path: Path, capsys: Output) -> None:
    assert run(["serve", "--app", "served_jobs:jobs", "--dsn", empty_database.dsn]) == 1
    assert "jobledger init" in capsys.readouterr().err
    assert run(["serve", "--app", "served_jobs:jobs", "--dsn", f"host={tmp_path}"]) == 7


def test_serve_refuses_numbers_that_make_no_sense(capsys: Output) -> None:
    for option, value in [("--concurrency", "0"), ("--threads", "-1"), ("--poll", "0"), ("--drain", "x")]:
        assert run(["serve", "--app", "served_jobs:jobs", option, value]) == 2
    assert "Invalid value" in capsys.readouterr().err


def test_stats_of_an_empty_ledger(database: Database, capsys: Output) -> None:
    assert run(["stats", "--dsn", database.dsn_as("operator")]) == 0
    told = capsys.readouterr().out
    assert "0 pending" in told
    assert "no processor is running" in told
    assert "none elected" in told


def test_stats_count_what_is_there(ledger: Ledger, start: Start, capsys: Output) -> None:
    dsn = ledger.database.dsn_as("auditor")
    ledger.submit("noop")
    ledger.submit("noop")
    ledger.submit("later", run_at="2999-01-01T00:00:00Z")
    sequence(ledger.owner)
    worker = Worker(ledger.database.connect("worker"))
    (first,) = worker.claim(1)
    stats = run_json(capsys, "stats", "--dsn", dsn)
    assert stats["jobs"] == {"pending": 2, "running": 1, "completed": 0, "failed": 0, "cancelled": 0}
    assert (stats["ready"], stats["scheduled"]) == (1, 1)
    counted = {row["name"]: (row["ready"], row["scheduled"], row["running"]) for row in stats["handlers"]}
    assert counted == {"later": (0, 1, 0), "noop": (1, 0, 1)}
    [processor] = stats["processors"]
    assert processor["processor"] == str(worker.id)
    assert processor["holds_lock"] is True
    assert stats["sequencer"] is None
    assert stats["log"]["unsequenced"] == 2, "processor.started and attempt.started"
    worker.record((first, "job.completed", {}))
    registry = Registry()
    registry.handler("noop")(lambda: None)
    start(registry)
    until(lambda: run_json(capsys, "stats", "--dsn", dsn)["jobs"]["completed"] == 2, "both jobs")
    assert run(["stats", "--dsn", dsn]) == 0
    told = capsys.readouterr().out
    assert "jobs: 1 pending, 0 running, 2 completed" in told
    assert "sequencer: elected" in told


def test_of_many_names_stats_and_doctor_show_the_top_and_say_how_many_more(database: Database, capsys: Output) -> None:
    """A client chooses the names of its jobs, and there may be hundreds of thousands."""
    alice, dsn = database.connect("app_alice"), database.dsn_as("operator")
    for n in range(25):
        push_jobs(alice, 2 if n == 24 else 1, name=f"name {n:02}")
    sequence(database.connect())

    assert run(["stats", "--dsn", dsn]) == 0
    told = capsys.readouterr().out.splitlines()
    shown = [line for line in told if "name " in line and "namespace" not in line]
    assert len(shown) == 20
    assert shown[0].split() == ["default", "name", "24", "2", "0", "0", "0"]
    assert "... and 5 more with open jobs: see them with --all" in told
    assert told[0].startswith("jobs: 26 pending")
    assert run(["stats", "--all", "--dsn", dsn]) == 0
    assert capsys.readouterr().out.count("default    name ") == 25
    assert len(run_json(capsys, "stats", "--dsn", dsn)["handlers"]) == 25

    assert run(["doctor", "--dsn", dsn]) == 1
    told = capsys.readouterr().out.splitlines()
    shown = [line for line in told if "no live processor serves" in line]
    assert len(shown) == 20
    assert "2 jobs wait: no live processor serves 'name 24'" in shown[0]
    assert any("so do 5 jobs of 5 more names" in line for line in told)
    assert run(["doctor", "--all", "--dsn", dsn]) == 1
    assert capsys.readouterr().out.count("no live processor serves") == 25
    assert len(findings(capsys, dsn, code=1)["handlers"]) == 25


def test_p4_doctor_names_what_jobs_wait_for(ledger: Ledger, start: Start, capsys: Output) -> None:
    dsn = ledger.database.dsn_as("operator")
    found = findings(capsys, dsn, code=1)
    assert found["sequencer"][0]["level"] == "fail"
    assert found["processors"][0]["level"] == "fail"
    registry = Registry()
    registry.handler("known")(lambda: None)
    service = start(registry)
    ledger.wait_for(ledger.submit("known"))
    assert all(f["level"] == "ok" for check in findings(capsys, dsn, code=0).values() for f in check)
    ledger.wait_for(ledger.submit("unknown"), "pending")
    [unserved] = findings(capsys, dsn, code=1)["handlers"]
    assert unserved["message"] == "1 jobs wait: no live processor serves 'unknown' in namespace 'default'"
    assert unserved["advice"]
    service.stop()
    found = findings(capsys, dsn, code=1)
    assert "none is running" in found["processors"][0]["message"]


def test_doctor_sees_a_processor_that_is_gone_or_silent(database: Database, capsys: Output) -> None:
    owner = database.connect()
    gone, silent = Worker(database.connect("worker")), Worker(database.connect("worker"))
    gone.connection.close()
    owner.execute("update ledger.processors set heartbeat_at = now() - interval '20 seconds'")
    until(
        lambda: any(" is gone" in f["message"] for f in findings(capsys, database.dsn, code=1)["processors"]),
        "the lock to be free",
    )
    said = [f["message"] for f in findings(capsys, database.dsn, code=1)["processors"]]
    assert any(str(gone.id) in message and "is gone" in message for message in said)
    assert any(str(silent.id) in message and "silent for 20" in message for message in said)


def test_doctor_sees_a_backlog_and_what_is_overdue(database: Database, capsys: Output) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 2)
    sequence(owner)
    owner.execute("update ledger.queue set run_at = now() - interval '1 minute'")
    owner.execute("alter table ledger.events disable trigger events_are_append_only")
    push_jobs(database.connect("app_alice"), 3)
    owner.execute("update ledger.events set recorded_at = now() - interval '1 minute' where type = 'job.requested'")
    found = findings(capsys, database.dsn, code=1)
    assert "2 jobs are due" in found["schedule"][0]["message"]
    assert found["log"][0]["level"] == "fail"
    assert "events wait to be put in order, the oldest for 60 s" in found["log"][0]["message"]


def test_doctor_sees_claims_that_nobody_took_back(database: Database, capsys: Output) -> None:
    owner = database.connect()
    push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    assert Worker(database.connect("worker")).claim()
    owner.execute("update ledger.processors set lost_at = now() - interval '1 minute'")
    [claims] = findings(capsys, database.dsn, code=1)["claims"]
    assert (claims["level"], claims["message"]) == ("warn", "1 claims are left by 1 processors that are gone")


def test_doctor_without_a_schema_says_only_that(empty_database: Database, capsys: Output) -> None:
    found = findings(capsys, empty_database.dsn, code=1)
    assert list(found) == ["schema"]
    assert run(["doctor", "--dsn", empty_database.dsn]) == 1
    told = capsys.readouterr().out
    assert told.startswith("fail  server  schema")
    assert "-> " in told


def test_doctor_warns_of_what_is_odd_and_stops_nothing(
    ledger: Ledger, start: Start, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    registry.handler("known")(lambda: None)
    start(registry)
    ledger.wait_for(ledger.submit("known"))
    monkeypatch.setattr("jobledger.admin.doctor.LONG_TRANSACTION", "0 seconds")
    monkeypatch.setattr("jobledger.admin.doctor.CLOCK_S", -1.0)
    forgotten = ledger.database.connect("app_bob", autocommit=False)
    forgotten.execute("select 1")
    ledger.owner.execute("update ledger.lives set timeline = timeline + 1")
    found = findings(capsys, ledger.database.dsn, code=0)
    assert "app_bob" in " ".join(finding["message"] for finding in found["transactions"])
    warned = {check for check, said in found.items() if any(finding["level"] == "warn" for finding in said)}
    assert warned >= {"transactions", "clock", "epoch"}
    assert all(finding["advice"] for said in found.values() for finding in said if finding["level"] == "warn")
    forgotten.rollback()
