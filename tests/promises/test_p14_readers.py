"""P14: what a door accepts, every reader can read; one bad event stops nobody else."""

from __future__ import annotations

import pytest
from databases import Database

from jobledger.cli import run


def test_p14_one_bad_event_stops_no_reader_of_the_log(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Let in by a hand or an older version: it is shown, named by verify, counted by doctor, and delays nobody."""
    owner = database.connect()
    job = owner.execute("select ledger.submit('x') as id").fetchone()
    owner.execute("select ledger.ensure_epoch()")
    bad = [
        '{"attempt": 1, "n": ' + "7" * 5000 + "}", '{"attempt": 1, "n": 1, "data": ' + "[" * 300 + "]" * 300 + "}",
        '{"attempt": 1, "n": 1, "message": "\\u0000"}', '"text"', '{"attempt": 1, "n": 1e99999}',
    ]  # fmt: skip
    assert job is not None
    for data in bad:
        owner.execute(
            """
            insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
            values (ledger.new_id(), %(job)s, 'attempt.progressed', 1, 'postgres', 'x', now(), now(),
                    ledger.current_epoch(), %(data)s)""",
            {"job": job["id"], "data": data},
        )
    owner.execute("select from ledger.sequence()")
    dsn = ["--dsn", database.dsn_as("auditor")]
    for verb in (["log"], ["log", "--json"], ["history", str(job["id"])], ["history", str(job["id"]), "--json"]):
        assert run([*verb, *dsn]) == 0, verb
    capsys.readouterr()
    assert run(["verify", *dsn]) == 6
    assert "cannot be read" in capsys.readouterr().err
    run(["doctor", *dsn])
    assert "5 cannot be read by every reader" in capsys.readouterr().out
