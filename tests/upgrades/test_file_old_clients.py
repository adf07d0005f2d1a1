"""Programs of version 1 that have a file open while it is upgraded, or open it afterwards."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
from databases import Database
from old_version import V1, OldVersion
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.care.examine import examine
from client_sync.file.schema import VERSION
from ledger.postgres.upgrade import upgrade

PROGRAM = """
import sys, threading
from client_sync import JobClient
from client_sync.schema import VERSION
assert VERSION == 1
jobs = JobClient(sys.argv[1], dsn=sys.argv[2])
keys = []
def elsewhere():
    try:
        jobs.list()
        print("ok", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
for line in sys.stdin:
    verb, *given = line.split()
    if verb == "submit":
        print(jobs.submit(*given).id, flush=True)
    elif verb == "many":
        print(*jobs.submit_many([{"name": name} for name in given]), flush=True)
    elif verb == "cancel":
        print(jobs.cancel(*given).shown, flush=True)
    elif verb == "sync":
        print(jobs.sync().pushed, flush=True)
    elif verb == "shown":
        print(jobs.get(*given).shown, flush=True)
    elif verb == "thread":
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
"""


def ask(file: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(query).fetchall()


class OldClient:
    """A process that has the file open with the code of 0.1.0."""

    def __init__(self, old: OldVersion, file: Path, dsn: str) -> None:
        self._process = old.start(PROGRAM, str(file), dsn)

    def do(self, *words: str) -> str:
        """Its answer to one line."""
        print(*words, file=self._pipe(self._process.stdin), flush=True)
        return self._pipe(self._process.stdout).readline().rstrip("\n")

    def end(self) -> None:
        """Let it end by itself."""
        self._pipe(self._process.stdin).close()
        assert self._process.wait(60) == 0
        self._pipe(self._process.stdout).close()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of version 1."""
    return Path(shutil.copy(V1 / "file.sqlite", tmp_path / "app.db"))


@pytest.fixture
def running(old: OldVersion, file: Path, server: Server) -> Iterator[OldClient]:
    """A client of 0.1.0 that has the file open, and has written to it."""
    client = OldClient(old, file, server.dsn)
    client.do("submit", "before")
    yield client
    client.end()


def test_p16_a_client_that_runs_on_loses_nothing(file: Path, running: OldClient, server: Server) -> None:
    with JobClient(file, dsn=server.dsn) as jobs:
        known = len(jobs.list(limit=1000))
        submitted = [running.do("submit", "after"), *running.do("many", "a", "b", "c").split()]
        assert running.do("cancel", submitted[-1]) == "cancelling"
        assert {str(job.id) for job in jobs.list(limit=1000)} >= set(submitted)
        assert len(jobs.list(limit=1000)) == known + 4
        assert int(running.do("sync")) > 5
        server.complete("after", "done")
        running.do("sync")
        assert running.do("shown", submitted[0]) == jobs.get(submitted[0]).shown == "completed"
        mine = jobs.submit("mine")
        assert jobs.sync().pushed == 1
        assert running.do("shown", str(mine.id)) == "accepted"
    found = {finding.check: finding for finding in examine(file, full=True)}
    assert {check for check, finding in found.items() if finding.level == "fail"} == set()


def test_p16_a_client_that_opens_the_file_once_more_sees_both_versions(file: Path, running: OldClient) -> None:
    assert running.do("thread") == "ok"
    JobClient(file).close()
    told = running.do("thread")
    assert told.startswith("SchemaMismatch ")
    assert f"version {VERSION}; this one knows 1" in told


@pytest.mark.parametrize("verb", [["submit", "a"], ["list"], ["sync", "--dsn", "postgresql://127.0.0.1:1/nothing"]])
def test_an_old_program_leaves_an_upgraded_file_as_it_is(old: OldVersion, file: Path, verb: list[str]) -> None:
    JobClient(file).close()
    before = file.read_bytes()
    done = old.jobledger(*verb, "--db", str(file))
    assert done.returncode == 4
    assert f"version {VERSION}; this one knows 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert file.read_bytes() == before


def test_p16_what_an_old_client_writes_during_the_upgrade_is_there(file: Path, running: OldClient) -> None:
    with ThreadPoolExecutor(1) as other:
        written = other.submit(lambda: [running.do("submit", f"n{n}") for n in range(60)])
        until(lambda: len(ask(file, "select 1 from jobs where name glob 'n[0-9]*'")) >= 10, "it has begun to write")
        JobClient(file).close()
        job_ids = written.result()
    assert ask(file, "pragma user_version") == [(VERSION,)]
    found = {job_id for (job_id,) in ask(file, "select job_id from jobs where name glob 'n[0-9]*'")}
    assert found == set(job_ids)
    assert len(found) == 60
    assert ask(file, "pragma integrity_check") == [("ok",)]


def test_an_old_program_that_is_in_a_transaction_is_waited_for(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as program:
        program.execute("begin immediate")
        program.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"late\"}')")
        with ThreadPoolExecutor(1) as other:
            opened = other.submit(lambda: JobClient(file).close())
            program.execute("commit")
            opened.result()
    with JobClient(file) as jobs:
        assert jobs.list(name="late")


def test_p16_a_file_and_its_ledger_go_on_together_after_both_were_upgraded(v1: Database, file: Path) -> None:
    upgrade(v1.connect())
    server = Server(v1)
    with JobClient(file, v1.dsn_as("app_alice")) as jobs:
        known = {job.id: job.shown for job in jobs.list(limit=1000)}
        assert (len(known), jobs.unsent) == (18, 2)
        first = jobs.sync()  # a ledger that was restored from a dump begins a new epoch
        assert (first.refused, first.forked, first.new_epoch) == (0, False, True)
        new = jobs.submit("double", {"n": 12})
        jobs.sync()
        server.complete("double", 24)
        jobs.sync()
        assert (jobs.get(new.id).status, jobs.get(new.id).result) == ("completed", 24)
        assert {job.id for job in jobs.list(limit=1000)} >= {*known, new.id}
        assert jobs.unsent == 0
    found = {finding.check: finding for finding in examine(file, full=True)}
    assert {check for check, finding in found.items() if finding.level == "fail"} == set()
