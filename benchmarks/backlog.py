"""A client comes back after a long time offline: a file with a backlog, pushed, put in order, and pulled back.

    python -m benchmarks.backlog [EVENTS]     (default: 100000)

Each ``jobledger sync`` runs as a process of its own, and the first is killed (SIGKILL) half-way. For every step this
prints the seconds it took, the CPU milliseconds per 1,000 events of the client and of Postgres, the largest resident
set of the client, and the largest write-ahead log of the file.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from jobledger.embedded import EmbeddedPostgres, temporary_postgres
from jobledger.embedded.postmaster import Postmaster
from ledger.schema import install

FILL = """
import sys
from client_sync import JobClient
with JobClient(sys.argv[1]) as jobs:
    for start in range(0, int(sys.argv[2]), 10_000):
        jobs.submit_many({"name": "count-words", "params": {"path": f"{start + n}.txt"}} for n in range(10_000))
"""
SEQUENCE = """
import sys
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    while connection.execute("select sequenced from ledger.sequence()").fetchone()[0]:
        pass
"""
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def main(events: int) -> None:
    """Measure each step, and print a line for it."""
    print(f"{events:,} events\n{'':24}{'s':>8}{'client':>9}{'server':>9}{'MiB':>7}{'WAL MiB':>9}")
    with temporary_postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        dsn = postgres.dsn()
        with psycopg.connect(dsn) as connection:
            install(connection)
            connection.execute("create role app login in role ledger_client")
            connection.execute("select ledger.ensure_life()")
        app = make_conninfo(dsn, user="app")
        first, second = Path(folder, "first.db"), Path(folder, "second.db")

        def sync(file: Path) -> list[str]:
            return ["-m", "jobledger", "sync", "--db", str(file), "--dsn", app]

        step(postgres, "submit_many", events, first, ["-c", FILL, str(first), str(events)])
        print(f"{'the file':24}{first.stat().st_size / 2**20:>30.0f} MiB")
        half = step(postgres, "sync, killed half-way", events, first, sync(first), lambda: acked(first) >= events / 2)
        step(postgres, "sync again: the rest", events - half, first, sync(first))
        step(postgres, "sequence", events, first, ["-c", SEQUENCE, dsn])
        step(postgres, "sync: pull one's own", events, first, sync(first))
        step(postgres, "sync: pull all, new file", events, second, sync(second))
        step(postgres, "sync: nothing new", 1000, second, sync(second))


def step(
    postgres: EmbeddedPostgres,
    what: str,
    events: int,
    file: Path,
    arguments: Sequence[str],
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Run Python to its end, or kill it when that is enough; print what it cost. Gives what the server acknowledged."""
    began, server_before = time.monotonic(), server_cpu_s(postgres)
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    wal = Path(f"{file}-wal")
    wal_bytes, killed = 0, False
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        wal_bytes = max(wal_bytes, wal.stat().st_size if wal.exists() else 0)
        if not killed and enough():
            os.kill(process.pid, signal.SIGKILL)
            killed = True
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not killed and process.returncode:
        sys.exit(f"{what}: exit code {process.returncode}")
    seconds = time.monotonic() - began
    done = acked(file) if killed else events
    client = (usage.ru_utime + usage.ru_stime) * 1e6 / done
    server = (server_cpu_s(postgres) - server_before) * 1e6 / done
    resident, log = usage.ru_maxrss / 2**10, wal_bytes / 2**20
    print(f"{what:24}{seconds:>8.1f}{client:>9.1f}{server:>9.1f}{resident:>7.0f}{log:>9.1f}", flush=True)
    return done


def acked(file: Path) -> int:
    """How many events of the file the server has acknowledged."""
    connection = sqlite3.connect(file)
    ((number,),) = connection.execute("select acked_seq from replica")
    connection.close()
    return int(number)


def server_cpu_s(postgres: EmbeddedPostgres) -> float:
    """The CPU seconds that the server's processes have used so far, with those that have ended."""
    server = Postmaster.read(postgres.cluster)
    assert server is not None
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, fields = int(stat.parent.name), stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # it has just ended
        if pid == server.pid:
            total += sum(map(int, fields[11:15]))  # with its children that have ended
        elif int(fields[1]) == server.pid:
            total += sum(map(int, fields[11:13]))
    return total / TICKS_A_SECOND


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
