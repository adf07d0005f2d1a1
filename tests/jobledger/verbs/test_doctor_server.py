"""``jobledger doctor`` on a server."""

from __future__ import annotations

import pytest
from databases import Database
from in_process import Ledger, Start
from ledger_calls import Worker, push_jobs, sequence
from verb_output import Output, findings
from waiting import until

from jobledger.cli import run
from processor import Registry


def test_p4_doctor_names_what_jobs_wait_for(ledger: Ledger, start: Start, capsys: Output) -> None:
    dsn = ledger.database.dsn_as("operator")
    found = findings(capsys, dsn, code=1)
    assert found["leader"][0]["level"] == "fail"
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
