"""Handlers that fork: the child is theirs, and gets nothing of ours."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from in_process import Ledger
from serving import processor
from waiting import until

APP = ("--app", "hostile_jobs:jobs")
SESSIONS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and usename = 'worker' and application_name like 'jobledger %%'"""


@pytest.mark.parametrize("job", ["forks", "forks-async", "forks-in-a-task"])
@pytest.mark.parametrize(
    ("child", "code"), [("returns", 1), ("raises", 1), ("exits", 4), ("reports", 1), ("steps", 1), ("awaits", 1)]
)
def test_p5_a_child_that_comes_back_ends_without_a_word(
    ledger: Ledger, tmp_path: Path, job: str, child: str, code: int
) -> None:
    mark, log = tmp_path / "mark", tmp_path / "log"
    if job == "forks-in-a-task" and child in ("raises", "exits"):
        code = 1  # a task of its own gives control back to the loop before our code sees what it raised
    with processor(ledger.database.dsn_as("worker"), log, *APP) as process:
        beside = ledger.submit("beside")
        ledger.wait_for(beside, "running")
        forking = ledger.submit(job, {"child": child, "path": str(mark)})
        assert ledger.wait_for(forking).result == code, log.read_text()
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
        assert process.poll() is None
        assert ledger.state(beside).status == "running"
        assert ledger.types(forking) == ["job.requested", "attempt.started", "job.completed"]
        assert not mark.exists()
        assert ledger.count("select count(*) from ledger.processors") == 1
    assert "broke" not in log.read_text()


def test_p4_a_killed_processors_children_do_not_keep_it_alive(ledger: Ledger, tmp_path: Path) -> None:
    pid, log = tmp_path / "pid", tmp_path / "log"
    with processor(ledger.database.dsn_as("worker"), log, *APP) as process:
        job = ledger.submit("runs-a-pool", {"path": str(pid)})
        child = int(until(lambda: pid.read_text() or None if pid.exists() else None, "the child to run"))
        try:
            until(lambda: ledger.count(SESSIONS) >= 4, "its sessions")
            process.send_signal(signal.SIGKILL)
            process.wait()
            until(lambda: ledger.count(SESSIONS) == 0, "its sessions to end", seconds=10)
            os.kill(child, 0)
        finally:
            os.kill(child, signal.SIGKILL)
    assert ledger.state(job).status == "running"


def test_a_child_ends_by_a_signal_as_any_other_process(ledger: Ledger, tmp_path: Path) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", *APP) as process:
        assert ledger.wait_for(ledger.submit("ends-its-child")).result is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
