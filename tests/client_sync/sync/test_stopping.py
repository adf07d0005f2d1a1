"""A sync that is asked to end does so at once, whatever the server does, and leaves nothing half-done."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from stalling_proxy import StallingProxy
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.sync.exchange import Exchange
from client_sync.sync.result import SyncResult
from ledger.servers import open_server

NEVER = 3600.0
SOON_S = 30.0
"""Far above what closing takes, far below NEVER."""
ENDS_WITHIN_S = 4.0
"""The same for a command, which gives up on its thread after STOP_TIMEOUT_S."""


@pytest.fixture(autouse=True)
def no_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is closed does not just give up on its thread after a while."""
    monkeypatch.setattr("client_sync.sync.background.STOP_TIMEOUT_S", NEVER)


@contextmanager
def ending_at_once(path: Path) -> Iterator[None]:
    """The block ends soon. No thread stays behind, and no open file or socket more than before."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON_S
    assert not [thread for thread in threading.enumerate() if thread.name == f"sync {path.name}"]


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_closing_ends_a_login_that_nobody_answers(path: Path) -> None:
    before = open_files()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        jobs = JobClient(path, dsn=f"host=127.0.0.1 port={mute.getsockname()[1]} user=x")
        jobs.start_sync()
        with mute.accept()[0], ending_at_once(path):
            jobs.close()
    assert open_files() == before


def test_closing_ends_a_push_whose_answer_does_not_come(server: Server, path: Path) -> None:
    before = open_files()
    with StallingProxy(server.dsn) as proxy:
        jobs = JobClient(path, dsn=proxy.dsn)
        jobs.submit("first")
        jobs.start_sync()
        until(lambda: jobs._replica.connection().execute("select last_sync_at from replica").fetchone()[0], "the first")
        proxy.hold(after=1)  # who are you? what comes next is the answer to the push
        jobs.submit("second")
        assert proxy.held.wait(60)
        assert server.count("job.requested") == 2
        with ending_at_once(path):
            jobs.close()
    assert open_files() == before
    with JobClient(path, dsn=server.dsn) as jobs:
        assert jobs.unsent == 1, "what was not heard is not noted"
        assert jobs.sync().pushed == 1
    assert server.count("job.requested") == 2, "and counts once"


def test_closing_ends_a_push_that_the_server_does_not_read(server: Server, path: Path) -> None:
    jobs = JobClient(path, dsn=server.dsn)
    jobs.submit_many({"name": "a", "params": {"x": "x" * 200_000}} for _ in range(19))
    server.execute("begin")
    server.execute("lock table ledger.replicas in access exclusive mode")
    jobs.start_sync()
    until(lambda: server.value("select count(*) > 0 from pg_locks where not granted"), "the push, and its wait")
    with ending_at_once(path):
        jobs.close()
    server.execute("rollback")
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.sync()
        assert jobs.unsent == 0
    assert server.count("job.requested") == 19


def test_an_exchange_that_is_stopped_ends_between_two_batches(
    server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client_sync.sync.outbox.MAX_PUSH_EVENTS", 10)
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.submit_many({"name": "a"} for _ in range(100))
        replica = Replica(path)
        stopped = threading.Event()
        heard: list[SyncResult] = []

        def stop(result: SyncResult) -> None:
            heard.append(result)
            stopped.set()

        with closing(open_server(server.dsn)) as session:
            Exchange(replica, stop, stopped=stopped.is_set).run(session)
        replica.close()
        assert [result.pushed for result in heard] == [10]
        assert (jobs.unsent, server.count("job.requested")) == (90, 10)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
@pytest.mark.parametrize("verb", [["sync"], ["sync", "--watch"]])
def test_the_command_ends_at_once_while_the_server_does_not_answer(
    server: Server, path: Path, verb: list[str], number: signal.Signals, code: int
) -> None:
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    with StallingProxy(server.dsn) as proxy:
        proxy.hold()
        command = [sys.executable, "-m", "jobledger", *verb, "--db", str(path), "--dsn", proxy.dsn]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as syncing:
            assert proxy.held.wait(60)
            started = time.monotonic()
            syncing.send_signal(number)
            _, complaint = syncing.communicate(timeout=60)
            assert time.monotonic() - started < ENDS_WITHIN_S
    assert (syncing.returncode, complaint.strip()) == (code, "")


def test_an_interrupted_query_does_not_wait_for_the_server(server: Server, path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    server.execute("begin")
    server.execute("lock table ledger.replicas in access exclusive mode")
    command = [sys.executable, "-m", "jobledger", "sync", "--db", str(path), "--dsn", server.dsn]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as syncing:
        until(lambda: server.value("select count(*) > 0 from pg_locks where not granted"), "the push, and its wait")
        started = time.monotonic()
        syncing.send_signal(signal.SIGINT)
        _, complaint = syncing.communicate(timeout=60)
        assert time.monotonic() - started < ENDS_WITHIN_S
    server.execute("rollback")
    assert (syncing.returncode, complaint.strip()) == (130, "")
