"""``jobledger sync``: once, or until it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from client_verbs import Verb
from stepwise import Server
from waiting import until

from client_sync import JobClient
from jobledger.cli import run


def test_sync_says_what_it_exchanged(verb: Verb, server: Server) -> None:
    verb("submit", "count-words")
    assert verb("sync", "--dsn", server.dsn) == "pushed 1, refused 0, pulled 0\n"
    server.complete("count-words", 17)
    assert json.loads(verb("sync", "--dsn", server.dsn, "--json")) == {
        "pushed": 0, "refused": 0, "pulled": 2, "forked": False, "rewound": False, "new_epoch": False,
        "confirmed": 1,
    }  # fmt: skip


def test_sync_names_what_was_refused(
    verb: Verb, server: Server, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    JobClient(path).close()
    with JobClient(path) as jobs, jobs.transaction() as db:
        db.execute('insert into events (type, data) values (\'job.requested\', \'{"name": "a", "parent": "x"}\')')
    assert run(["sync", "--dsn", server.dsn]) == 0
    out, err = capsys.readouterr()
    assert out == "pushed 0, refused 1, pulled 0\n"
    assert err.startswith("refused job.requested of ")


def test_sync_without_a_server_ends_with_7(verb: Verb) -> None:
    verb("submit", "count-words")
    assert verb("sync", "--dsn", "postgresql://127.0.0.1:1/nothing", code=7).startswith(
        "error: no session with Postgres"
    )


def test_sync_with_the_login_of_somebody_else_ends_with_4(verb: Verb, online: JobClient, server: Server) -> None:
    online.sync()
    assert "belongs to app_alice" in verb("sync", "--dsn", server.other_dsn, code=4)


def test_sync_can_go_on_until_it_is_interrupted(verb: Verb, path: Path, server: Server) -> None:
    job_id = verb("submit", "count-words").strip()
    process = subprocess.Popen(
        [sys.executable, "-m", "jobledger", "sync", "--watch", "--dsn", server.dsn],
        env={**os.environ, "JOBLEDGER_DB": str(path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: server.count("job.requested") == 1, "the push")
    server.complete("count-words", 17)
    with JobClient(path) as jobs:
        assert jobs.wait(job_id, timeout=30).result == 17
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.splitlines()[0] == "pushed 1, refused 0, pulled 0"
