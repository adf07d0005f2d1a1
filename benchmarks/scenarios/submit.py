"""Submitting into the file, one at a time and many at once, beside bare SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.floor import bare_file, insert_in_batches, rows_of_file
from benchmarks.handlers import params
from benchmarks.measure import Run, metered, noisy, take_turns
from client_sync import JobClient
from ledger.errors import LedgerError

BATCH: Final = 500
"""As ``submit_many`` commits."""


def submit(bench: Bench) -> Result:
    """One request and one commit at a time, on disk before the next (synchronous = FULL)."""
    path = _files(bench, "submit")

    def ours() -> Run:
        file = path()
        with JobClient(file) as client:
            client.submit("noop", params(0))  # imports what the first request needs
            with metered(None) as run:
                for i in range(bench.size):
                    client.submit("noop", params(i))
        return _counted(run, file, bench.size + 1, bench.size)

    statement, rows = _model(bench, path())

    def bare() -> Run:
        connection = bare_file(path())
        with metered(None) as run:
            for row in rows:
                connection.execute(statement, row)
        return _bare_counted(connection, run, len(rows))

    return _compare(bench, "submit", ours, bare, Goal(1.5))


def submit_many(bench: Bench) -> Result:
    """Many requests in batches, each batch one commit."""
    path = _files(bench, "many")

    def ours() -> Run:
        file = path()
        with JobClient(file) as client:
            client.submit("noop", params(0))
            with metered(None) as run:
                client.submit_many({"name": "noop", "params": params(i)} for i in range(bench.size))
        return _counted(run, file, bench.size + 1, bench.size)

    statement, rows = _model(bench, path())

    def bare() -> Run:
        connection = bare_file(path())
        with metered(None) as run:
            insert_in_batches(connection, statement, rows, BATCH)
        return _bare_counted(connection, run, len(rows))

    return _compare(bench, "submit_many", ours, bare, None)


def _compare(bench: Bench, name: str, ours: Callable[[], Run], bare: Callable[[], Run], goal: Goal | None) -> Result:
    result = Result(name)
    done = take_turns({"jobledger": ours, "bare SQLite": bare}, bench.runs, bench.progress)
    for contender, runs in done.items():
        result.figures += [
            Figure(f"{contender}: CPU each", "µs", [r.values["cpu_us"] for r in runs], noisy=noisy(runs)),
            Figure(f"{contender}: requests per second", "/s", [r.values["rate"] for r in runs], noisy=noisy(runs)),
        ]
    own, floor = ([r.values["cpu_us"] for r in done[contender]] for contender in done)
    if goal:
        result.figures.append(Figure("our CPU to bare SQLite's", "×", ratios(own, floor), goal))
    else:
        speed = [share * 100 for share in ratios(floor, own)]
        result.figures.append(Figure("our speed to bare executemany's, by CPU", "%", speed, Goal(50, at_least=True)))
    result.notes.append(
        f"{bench.size:,} requests; the floor puts the same rows, made beforehand, into the same table and indexes, "
        "without the triggers that check a request and show it as a job."
    )
    result.checks.append("the file holds every request, and each as a pending job")
    return result


def _files(bench: Bench, name: str) -> Callable[[], Path]:
    numbers = count()
    return lambda: bench.folder / f"{name}-{next(numbers)}.db"


def _model(bench: Bench, file: Path) -> tuple[str, list[tuple[object, ...]]]:
    """The rows that so many requests make."""
    with JobClient(file) as client:
        client.submit_many({"name": "noop", "params": params(i)} for i in range(bench.size))
    statement, rows = rows_of_file(file)
    return statement, [tuple(row) for row in rows]


def _counted(run: Run, file: Path, expected: int, measured: int) -> Run:
    with JobClient(file) as client:
        with client.transaction() as connection:
            ((events,),) = connection.execute("select count(*) from events")
            ((jobs,),) = connection.execute("select count(*) from jobs where status = 'pending'")
        if (events, jobs, client.unsent) != (expected,) * 3:
            raise LedgerError(f"{expected} requests were made; the file holds {events} events, {jobs} pending jobs")
    return _valued(run, measured)


def _bare_counted(connection: sqlite3.Connection, run: Run, expected: int) -> Run:
    ((found,),) = connection.execute("select count(*) from events")
    connection.close()
    if found != expected:
        raise LedgerError(f"{expected} rows were inserted; the file holds {found}")
    return _valued(run, expected)


def _valued(run: Run, number: int) -> Run:
    run.values = {"cpu_us": run.cpu_s["client"] / number * 1e6, "rate": number / run.wall_s}
    return run
