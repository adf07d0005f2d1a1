"""One sync of a file at a time, and one writer where SQLite needs it: by locks that no crash leaves behind."""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.file.lock import SyncBusy, WriterLock, has_wal_reset_bug, sync_lock
from client_sync.sync.result import SyncResult
from ledger.errors import Conflict, LedgerError

HOLD = """
import sys
from pathlib import Path
from client_sync.file.lock import sync_lock
with sync_lock(Path(sys.argv[1]), timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""
WRITE = """
import sys
import client_sync.file.lock
client_sync.file.lock.has_wal_reset_bug = lambda: True
lock = client_sync.file.lock.WriterLock(sys.argv[1])
lock.acquire(0)
print("taken", flush=True)
sys.stdin.read()
"""
SYNC = """
import sys
from client_sync import JobClient
with JobClient(sys.argv[1], dsn=sys.argv[2]) as jobs:
    for n in range(10):
        jobs.submit_many([{"name": "a"}] * 20)
        jobs.sync()
"""


def test_a_killed_holder_leaves_the_lock_free(online: JobClient, server: Server, path: Path) -> None:
    online.submit("count-words")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SyncBusy, match="being synced by someone else"), sync_lock(path, timeout=0):
            pass
        holder.kill()
    assert online.sync() == SyncResult(pushed=1)


def test_many_processes_and_threads_submit_read_and_sync_one_file(server: Server, path: Path) -> None:
    processes, threads = 2, 3
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.start_sync()
        running = [subprocess.Popen([sys.executable, "-c", SYNC, str(path), server.dsn]) for _ in range(processes)]

        def work(_: int) -> None:
            for _ in range(20):
                job = jobs.submit("a")
                assert jobs.get(job.id).name == "a"
                jobs.list(limit=10)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        assert [process.wait(120) for process in running] == [0] * processes
        until(lambda: jobs.unsent == 0, "the last push")
    assert server.count("job.requested") == processes * 200 + threads * 20


def test_a_lock_that_cannot_be_written_is_one_clear_error(online: JobClient, path: Path) -> None:
    Path(f"{path}-sync.lock").mkdir()  # what a folder without the right to write is to others than root
    with pytest.raises(LedgerError, match=r"cannot write .*-sync\.lock") as error:
        online.sync()
    assert error.value.hint
    online.start_sync()
    complaint = until(lambda: online.sync_error, "the complaint")
    assert "cannot write" in complaint.message


def test_the_waits_of_an_offline_client_grow_and_differ(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backs off with jitter, and tries at once when there is something to send."""
    waits: list[float] = []
    monkeypatch.setattr("tenacity.wait.random", random.Random(20261124))
    monkeypatch.setattr("client_sync.sync.background.BackgroundSync._pause", lambda _, seconds: waits.append(seconds))
    with JobClient(path, dsn="postgresql://127.0.0.1:1/nothing") as jobs:
        jobs.start_sync()
        until(lambda: len(waits) > 200, "many tries")
    tries = waits[:200]
    assert all(wait <= min(0.1 * 2**n, 30.0) for n, wait in enumerate(tries))
    assert max(tries) > 15, "they grow"
    assert len(set(tries)) > 190, "and no two clients keep step"


def test_an_offline_client_tries_at_once_when_something_is_submitted(
    path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sync.sync.background._wait_s", lambda _: 3600.0)
    with JobClient(path, dsn=server.dsn) as jobs:
        server.limit_connections(0)
        jobs.start_sync()
        until(lambda: jobs.sync_error, "the complaint")
        server.limit_connections(-1)
        job = jobs.submit("count-words")
        until(lambda: jobs.get(job.id).shown == "accepted", "the push, an hour before its time")


def is_taken(path: Path) -> bool:
    """Whether somebody holds the lock to write."""
    with Path(f"{path}-write.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def buggy_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.file.lock.has_wal_reset_bug", lambda: True)


@pytest.mark.parametrize(
    ("version", "buggy"),
    [((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 49, 2), True), ((3, 50, 6), True),
     ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False), ((4, 0, 0), False)],
)  # fmt: skip
def test_which_sqlite_needs_the_lock(version: tuple[int, ...], buggy: bool) -> None:
    assert has_wal_reset_bug(version) == buggy


@pytest.mark.usefixtures("buggy_sqlite")
def test_writers_take_turns_where_sqlite_could_damage_the_file(path: Path) -> None:
    with JobClient(path) as jobs, JobClient(path) as other:
        with jobs.transaction():
            assert is_taken(path)
            jobs.submit("count-words")
        assert not is_taken(path)
        with pytest.raises(RuntimeError), other.transaction():
            raise RuntimeError("in the middle")
        assert not is_taken(path)
        jobs.get(other.submit("count-words").id)


@pytest.mark.usefixtures("buggy_sqlite")
def test_a_forked_child_takes_turns_with_its_parent(path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("count-words")
        with jobs.transaction():
            child = os.fork()
            if child == 0:
                free = WriterLock(path).acquire(0)
                inherited = jobs._replica._writer_process.acquire(0)
                os._exit(free or inherited)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0, "the lock was the parent's"
            assert is_taken(path)


@pytest.mark.usefixtures("buggy_sqlite")
def test_a_lock_that_is_never_given_back_is_busy_and_a_crash_gives_it_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    JobClient(path).close()
    monkeypatch.setattr("client_sync.file.replica.BUSY_TIMEOUT_S", 0.05)
    holder = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder, JobClient(path) as jobs:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Conflict, match="is busy"):
            jobs.submit("count-words")
        holder.kill()
        holder.wait()
        jobs.submit("count-words")


def test_a_sound_sqlite_needs_no_side_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.file.lock.has_wal_reset_bug", lambda: False)
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    assert not Path(f"{path}-write.lock").exists()
