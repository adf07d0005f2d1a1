"""Programs of version 1 that have a file open while it is upgraded, or open it afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest
from stepwise import Server

from client_sync import JobClient
from client_sync.care.examine import examine
from client_sync.file.schema import VERSION

V1 = Path(__file__).parent / "v1"
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


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Python runs the code of 0.1.0."""
    folder = tmp_path_factory.mktemp("0.1.0")
    (wheel,) = V1.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder)
    return {**os.environ, "PYTHONPATH": str(folder)}


class OldClient:
    """A process that has the file open with the code of 0.1.0."""

    def __init__(self, path: Path, dsn: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), dsn], cwd=path.parent, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

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
def old(tmp_path: Path) -> Path:
    """The file of version 1."""
    return Path(shutil.copy(V1 / "file.sqlite", tmp_path / "old.db"))


@pytest.fixture
def running(old: Path, server: Server, old_code: dict[str, str]) -> Iterator[OldClient]:
    """A client of 0.1.0 that has the file open, and has written to it."""
    client = OldClient(old, server.dsn, old_code)
    client.do("submit", "before")
    yield client
    client.end()


def test_p16_a_client_that_runs_on_loses_nothing(old: Path, running: OldClient, server: Server) -> None:
    with JobClient(old, dsn=server.dsn) as jobs:
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
    found = {finding.check: finding for finding in examine(old, full=True)}
    assert {check for check, finding in found.items() if finding.level == "fail"} == set()


def test_p16_a_client_that_opens_the_file_once_more_sees_both_versions(old: Path, running: OldClient) -> None:
    assert running.do("thread") == "ok"
    JobClient(old).close()
    told = running.do("thread")
    assert told.startswith("SchemaMismatch ")
    assert f"version {VERSION}; this one knows 1" in told


def test_an_old_program_leaves_an_upgraded_file_as_it_is(old: Path, old_code: dict[str, str]) -> None:
    JobClient(old).close()
    before = old.read_bytes()
    for verb in (["submit", "a"], ["list"], ["sync", "--dsn", "postgresql://127.0.0.1:1/nothing"]):
        command = [sys.executable, "-m", "jobledger", *verb, "--db", str(old)]
        done = subprocess.run(command, cwd=old.parent, env=old_code, capture_output=True, text=True)
        assert done.returncode == 4
        assert f"version {VERSION}; this one knows 1" in done.stderr
        assert "Traceback" not in done.stderr
    assert old.read_bytes() == before


def test_an_old_program_that_is_in_a_transaction_is_waited_for(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as program:
        program.execute("begin immediate")
        program.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"late\"}')")
        with ThreadPoolExecutor(1) as other:
            opened = other.submit(lambda: JobClient(old).close())
            program.execute("commit")
            opened.result()
    with JobClient(old) as jobs:
        assert jobs.list(name="late")
