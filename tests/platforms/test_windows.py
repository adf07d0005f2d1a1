"""The client and the processor where nothing of POSIX is: a stand-in for Windows (see tests/support/windows.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from databases import Database
from in_process import Ledger
from stepwise import Server

ROOT = Path(__file__).parents[2]
BEGIN = "from windows import become_windows; become_windows()\n"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is made of what Linux has")

IMPORT = """
import importlib, json, os, sys
from windows import modules
from ledger.errors import LedgerError
said = {}
for name in modules():
    if name in sys.modules or name == "client_sync.file.posix_rights":  # the other half, which Windows has no use for
        continue
    try:
        importlib.import_module(name)
    except LedgerError as error:
        said[name] = str(error)
print(json.dumps({"said": said, "posix": [name for name in ("fcntl", "pwd", "resource") if sys.modules.get(name)]}))
"""
SUBMIT_AND_SYNC = """
import json, sys
from client_sync import JobClient
with JobClient(sys.argv[1], dsn=sys.argv[2]) as jobs:
    one = jobs.submit("count-words", {"path": "a.txt"})
    jobs.submit_many([{"name": "other", "params": {"n": n}} for n in range(90)])
    found = jobs.sync()
    print(json.dumps({"id": str(one.id), "pushed": found.pushed, "unsent": jobs.unsent}))
"""
WAIT = """
import json, sys
from client_sync import JobClient
with JobClient(sys.argv[1], dsn=sys.argv[2]) as jobs:
    jobs.start_sync(poll=60)
    job = jobs.wait(sys.argv[3], timeout=30)
    print(json.dumps({"result": job.result}))
"""
HOLD = """
import sys, time
from pathlib import Path
import client_sync.file.lock
client_sync.file.lock.has_wal_reset_bug = lambda: True
lock = client_sync.file.lock.WriterLock(Path(sys.argv[1]))
with client_sync.file.lock.sync_lock(Path(sys.argv[1]), timeout=0):
    assert lock.acquire(0)
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import json, sys
from pathlib import Path
from client_sync.care.environment import examine_lock
import client_sync.file.lock
client_sync.file.lock.has_wal_reset_bug = lambda: True
path = Path(sys.argv[1])
try:
    with client_sync.file.lock.sync_lock(path, timeout=0):
        synced = True
except client_sync.file.lock.SyncBusy:
    synced = False
lock = client_sync.file.lock.WriterLock(path)
written = lock.acquire(0)
if written:
    lock.release()
print(json.dumps({"synced": synced, "written": written, "said": examine_lock(path).message}))
"""
TAKE_TURNS = """
import sys
import client_sync.file.lock
client_sync.file.lock.has_wal_reset_bug = lambda: True
from client_sync import JobClient
with JobClient(sys.argv[1]) as jobs:
    for n in range(20):
        jobs.submit("turns", {"n": n})
"""
COMPACT = """
import json, sys
from datetime import timedelta
from client_sync import JobClient
with JobClient(sys.argv[1]) as jobs:
    found = jobs.compact(timedelta(0), vacuum=True)
    print(json.dumps({"jobs": found.jobs, "left": len(jobs.list(limit=1000))}))
"""
SALVAGE = """
import json, sys
from pathlib import Path
from client_sync.care.salvage.salvage import salvage
from client_sync import JobClient
found = salvage(Path(sys.argv[1]), Path(sys.argv[2]))
with JobClient(sys.argv[2]) as jobs:
    print(json.dumps({"salvaged": found.salvaged, "jobs": len(jobs.list(limit=1000))}))
"""
READ_ONLY = """
import json, sys
from client_sync import JobClient
with JobClient(sys.argv[1], read_only=True) as jobs:
    print(json.dumps({"jobs": len(jobs.list(limit=1000))}))
"""
COMMAND = """
from jobledger.cli import main
main()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))}


def on_windows(script: str, *arguments: object, fails: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a script where nothing of POSIX is. Warnings are errors there too."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + script, *map(str, arguments)],
        capture_output=True, encoding="utf-8", env=environment(), check=False, timeout=120,
    )  # fmt: skip
    assert (ran.returncode != 0) == fails, ran.stderr
    return ran


def said(script: str, *arguments: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(on_windows(script, *arguments).stdout)
    return found


@contextmanager
def running(script: str, *arguments: object, log: int | None = None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", BEGIN + script, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=environment()) as process:
        try:
            yield process
        finally:
            process.kill()


def test_everything_imports_and_what_does_not_run_there_says_so() -> None:
    found = said(IMPORT)
    assert found["posix"] == []
    assert found["said"], "the embedded PostgreSQL, and what uses it"
    assert all(name.startswith(("jobledger.embedded", "jobledger.demo", "jobledger.verbs.pg", "jobledger.verbs.demo"))
               for name in found["said"])  # fmt: skip
    assert all("does not run on Windows" in message for message in found["said"].values())


def test_an_app_submits_syncs_and_hears_of_the_result(server: Server, path: Path) -> None:
    found = said(SUBMIT_AND_SYNC, path, server.dsn)
    assert (found["pushed"], found["unsent"]) == (91, 0)
    server.complete("count-words", {"words": 3})
    assert said(WAIT, path, server.dsn, found["id"]) == {"result": {"words": 3}}


def test_processes_exclude_each_other_and_a_killed_one_leaves_both_locks_free(path: Path) -> None:
    with running(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        found = said(TRY, path)
        assert (found["synced"], found["written"]) == (False, False)
        assert found["said"].startswith("it is being synced")
        holder.kill()
        holder.wait()
        found = said(TRY, path)
        assert (found["synced"], found["written"]) == (True, True)
        assert found["said"] == "nobody is syncing it"


def test_writers_take_turns(path: Path) -> None:
    with running(TAKE_TURNS, path) as one, running(TAKE_TURNS, path) as other:
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert said(READ_ONLY, path) == {"jobs": 40}


def test_a_file_is_compacted_and_read_only(server: Server, path: Path) -> None:
    said(SUBMIT_AND_SYNC, path, server.dsn)
    server.complete("other", None)
    said(SUBMIT_AND_SYNC, path, server.dsn)  # hears of those that have ended, and requests as many again
    assert said(COMPACT, path) == {"jobs": 90, "left": 92}
    assert said(READ_ONLY, path) == {"jobs": 92}


def test_what_is_left_of_a_file_is_salvaged(path: Path) -> None:
    on_windows(TAKE_TURNS, path)
    into = path.with_name("saved.db")
    assert said(SALVAGE, path, into) == {"salvaged": 20, "jobs": 20}
    assert "is there already" in on_windows(SALVAGE, path, into, fails=True).stderr


def test_a_processor_runs_jobs_and_ends_on_request(database: Database, ledger: Ledger, tmp_path: Path) -> None:
    job_id = ledger.submit("square", {"n": 12})
    log = tmp_path / "log"
    serve = ("serve", "--app", "served_jobs:jobs", "--dsn", database.dsn_as("worker"))
    with log.open("w") as output, running(COMMAND, *serve, log=output.fileno()) as process:
        assert ledger.wait_for(job_id).status == "completed", log.read_text()
        process.send_signal(signal.SIGUSR1)  # what Ctrl-Break is in the stand-in
        process.wait(30)
    assert process.returncode == 0, log.read_text()
    ledger.verify()


def test_what_is_printed_into_a_pipe_is_utf_8(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")  # what a pipe has on Windows, in Western Europe
    on_windows(COMMAND, "submit", "zähle-雪", "--db", path)
    assert "zähle-雪" in on_windows(COMMAND, "list", "--json", "--db", path).stdout


@pytest.mark.parametrize("verb", [("pg", "start"), ("demo",)])
def test_verbs_that_do_not_run_there_say_so_in_one_line(verb: tuple[str, ...]) -> None:
    ran = on_windows(COMMAND, *verb, fails=True)
    assert ran.returncode == 1
    assert ran.stderr == (
        "error: the PostgreSQL server that jobledger brings does not run on Windows"
        " (install PostgreSQL, or use one elsewhere, and say where: JOBLEDGER_DSN)\n"
    )


def test_settings_in_a_folder_that_others_may_write_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobledger.toml").write_text('db = "elsewhere.db"\n')
    monkeypatch.chdir(tmp_path)
    ran = on_windows(COMMAND, "list", "--db", "none.db", fails=True)
    assert "is unknown on Windows: it is not read; name it with --config" in ran.stderr
