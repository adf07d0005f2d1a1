"""A long backlog goes out in batches and comes back in pages, each bounded; a sync that is killed goes on behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.sync import outbox, plan
from client_sync.sync.result import SyncResult
from jobledger.cli import run

# The third push waits in the server, until the test lets go of the lock.
WAIT_AT_3000 = """
    create function public.wait() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock(3000); return null; end $$"""
ON_HEAD = """
    create trigger wait after update on ledger.replicas for each row when (new.head >= 3000)
    execute function public.wait()"""


def test_p2_a_killed_sync_goes_on_with_the_next_batch(server: Server, path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a", "params": {"n": n}} for n in range(5000))
    server.execute(WAIT_AT_3000)
    server.execute(ON_HEAD)
    server.execute("select pg_advisory_lock(3000)")
    command = [sys.executable, "-m", "jobledger", "sync", "--json", "--db", str(path), "--dsn", server.dsn]
    with subprocess.Popen(command) as killed:
        until(lambda: server.value("select count(*) > 0 from pg_locks where not granted"), "the third push")
        killed.kill()
    assert killed.returncode == -signal.SIGKILL
    with JobClient(path) as jobs:
        assert jobs.unsent == 3000
        server.execute("select pg_advisory_unlock(3000)")
        until(lambda: server.count("job.requested") == 3000, "the commit that nobody heard of")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert json.loads(done.stdout)["pushed"] == 3000, "the third batch is sent again, and counts once"
        assert jobs.unsent == 0
    assert server.count("job.requested") == 5000


def test_a_page_carries_so_many_bytes_at_most(online: JobClient, server: Server, tmp_path: Path) -> None:
    online.submit_many({"name": "a", "params": {"x": "x" * 200_000}} for _ in range(50))
    online.sync()
    server.sequence()
    heard: list[SyncResult] = []
    with JobClient(tmp_path / "second.db", dsn=server.dsn) as second:
        second.sync(report=heard.append)
        assert plan.MAX_PULL_BYTES // 200_000 == 20
        read = [0, *(result.pulled for result in heard if result.pulled)]
        pages = [after - before for before, after in pairwise(read)]
        assert (pages[0], max(pages), sum(pages)) == (20, 20, 50)
        assert len(second.list()) == 50
        assert second.sync() == SyncResult()


def test_to_learn_the_owner_costs_one_row_however_long_the_backlog(online: JobClient, server: Server) -> None:
    online.submit_many({"name": "a"} for _ in range(100))
    local = online._replica.connection()
    before = local.total_changes
    outbox.learn_owner(online._replica, "app_alice")
    assert local.total_changes - before == 2, "the row of the file, and a note of it"
    assert {job.owner for job in online.list()} == {"app_alice"}


def test_a_terminal_shows_how_far_both_directions_are(
    server: Server, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobledger.console.progress_bar.SHOW_AFTER_S", 0.0)
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a"} for _ in range(2500))
    push = _on_a_terminal(path, server, monkeypatch)
    server.sequence()
    pull = _on_a_terminal(path, server, monkeypatch)
    assert "push" in push
    assert "1000/2500" in push
    assert "2500/2500  100%" in push
    assert "/s" in push
    assert "pull" in pull
    assert "2500/2500  100%" in pull
    news = _on_a_terminal(tmp_path / "second.db", server, monkeypatch)
    assert "2500 events" in news
    assert "%" not in news, "how many there are in all is not known here"


def _on_a_terminal(path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """What ``jobledger sync`` writes to standard error where that is a terminal."""
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal, monkeypatch.context() as patched:  # noqa: PTH123 - no path
        patched.setattr(sys, "stderr", terminal)
        assert run(["sync", "--create", "--db", str(path), "--dsn", server.dsn]) == 0
        terminal.flush()
        shown = os.read(ours, 65_536).decode()
    os.close(ours)
    return shown
