"""``jobledger stats``."""

from __future__ import annotations

from databases import Database
from in_process import Ledger, Start
from ledger_calls import Worker, push_jobs, sequence
from verb_output import Output, findings, run_json
from waiting import until

from jobledger.cli import run
from processor import Registry


def test_stats_of_an_empty_ledger(database: Database, capsys: Output) -> None:
    assert run(["stats", "--dsn", database.dsn_as("operator")]) == 0
    told = capsys.readouterr().out
    assert "0 pending" in told
    assert "no processor is running" in told
    assert "none elected" in told


def test_stats_and_doctor_say_why_jobs_wait(ledger: Ledger, capsys: Output) -> None:
    dsn = ledger.database.dsn_as("auditor")
    ledger.submit("noop")
    ledger.submit("noop", run_at="2999-01-01T00:00:00Z")
    sequence(ledger.owner)
    assert run_json(capsys, "stats", "--dsn", dsn)["waiting"] == {"due": 1, "no handler": 2}
    worker = Worker(ledger.database.connect("worker"))
    (first,) = worker.claim(1)
    worker.record((first, "attempt.failed", {"error": {"type": "E"}, "retry_at": "2999-01-01T00:00:00Z"}))
    sequence(ledger.owner)
    assert run_json(capsys, "stats", "--dsn", dsn)["waiting"] == {"due": 1, "retrying": 1}
    assert run(["stats", "--dsn", dsn]) == 0
    assert "waiting: 1 due, 1 retrying\n" in capsys.readouterr().out
    ledger.owner.execute("update ledger.queue set reason = 'weather' where reason = 'due'")
    [finding] = findings(capsys, dsn, code=1)["waiting"]
    assert finding["message"] == "why pending jobs do not start yet: 1 retrying, 1 weather"


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
    assert stats["leader"] is None
    assert stats["log"]["unsequenced"] == 2, "processor.started and attempt.started"
    worker.record((first, "job.completed", {}))
    registry = Registry()
    registry.handler("noop")(lambda: None)
    start(registry)
    until(lambda: run_json(capsys, "stats", "--dsn", dsn)["jobs"]["completed"] == 2, "both jobs")
    assert run(["stats", "--dsn", dsn]) == 0
    told = capsys.readouterr().out
    assert "jobs: 1 pending, 0 running, 2 completed" in told
    assert "leader: elected" in told


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
