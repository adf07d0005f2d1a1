"""The accounting of CPU time: nothing that a tree of processes did is lost, whoever of it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from waiting import until

from benchmarks.cpu import read_machine, read_tree, spent_by
from benchmarks.server import Server
from ledger.errors import LedgerError

BURN = "import time; exec('while time.process_time() < 0.3: pass')"
BURNED_S = 0.28
"""The kernel counts in ticks of 10 ms."""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {BURN!r}])
print(child.pid, flush=True)
sys.stdin.readline()
child.wait()
print("waited", flush=True)
sys.stdin.readline()
"""


class Parent:
    """A process with a child that burns CPU and ends; it is waited for on request."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self.child = int(self.hear())

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wait_for_child(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        assert self.hear() == "waited"

    def child_s(self) -> float:
        return sum(seconds for life, seconds in read_tree(self.pid).live.items() if life.pid == self.child)


@pytest.fixture
def parent() -> Iterator[Parent]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as it:
        yield Parent(it)
        it.kill()


def test_a_child_that_burned_cpu_and_ended_is_counted(parent: Parent) -> None:
    parent.wait_for_child()
    reading = read_tree(parent.pid)

    assert parent.child not in {life.pid for life in reading.live}
    assert reading.ended >= BURNED_S
    assert reading.total >= BURNED_S


def test_a_child_that_ended_and_was_not_waited_for_is_counted(parent: Parent) -> None:
    until(lambda: parent.child_s() >= BURNED_S, "the child to burn its time")

    assert read_tree(parent.pid).total >= BURNED_S


def test_what_a_child_did_before_the_first_reading_is_left_out_when_it_ends_later(parent: Parent) -> None:
    until(lambda: parent.child_s() >= BURNED_S, "the child to burn its time")
    before = read_tree(parent.pid)
    parent.wait_for_child()
    spent = spent_by(before, read_tree(parent.pid))

    assert 0 <= spent[None] < BURNED_S / 2


def test_a_postgres_backend_that_ended_is_counted(postgres_dsn: str) -> None:
    server = Server(postgres_dsn, is_ours=False)
    before = server.read_cpu()
    with server.look() as connection:
        connection.execute("select count(*) from generate_series(1, 1000000)")
        backend = connection.info.backend_pid
    until(lambda: backend not in {life.pid for life in server.read_cpu().live}, "the backend to end")

    assert spent_by(before, server.read_cpu())[None] > 0


def test_the_machine_was_busy_at_least_as_much_as_this_process() -> None:
    busy, own = read_machine().busy, os.times()
    sum(n * n for n in range(3_000_000))
    used = os.times()

    ticks = 0.03
    assert read_machine().busy - busy >= used.user + used.system - own.user - own.system - ticks


def test_a_process_that_is_not_there_is_an_error() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    with pytest.raises(LedgerError, match="gone"):
        read_tree(ended.pid)
