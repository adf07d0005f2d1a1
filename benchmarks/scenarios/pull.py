"""Pulling a server's log into a new file and folding it, beside bare SQLite."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.floor import bare_file, insert_in_batches, rows_of_file
from benchmarks.history import write_ended
from benchmarks.measure import Run, metered, noisy, take_turns
from client_sync import JobClient
from client_sync.sync.plan import LAST_PAGE
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from pathlib import Path

GOAL: Final = 20_000
BATCH: Final = LAST_PAGE
"""As many as the largest page holds."""


def pull(bench: Bench) -> Result:
    """Events per second into the file, with every job folded; what the client spends, and what Postgres does."""
    result = Result("pull")
    numbers = count()
    jobs = max(1, bench.size // 3)
    events = jobs * 3
    with bench.server.database() as database:
        write_ended(database, jobs, bench.progress.say)

        def path() -> Path:
            return bench.folder / f"pull-{next(numbers)}.db"

        def ours() -> Run:
            with JobClient(path(), dsn=database.dsn_as(database.apps[0])) as client:
                with metered(bench.server) as run:
                    told = client.sync()
                if told.pulled != events:
                    raise LedgerError(f"{events} events were to be pulled: {told}")
                with client.transaction() as connection:
                    ((completed,),) = connection.execute(
                        "select count(*) from jobs where status = 'completed' and attempt = 1"
                    )
                if completed != jobs:
                    raise LedgerError(f"{jobs} jobs were to be folded to their end, not {completed}")
            return _valued(run, events)

        model = path()
        with JobClient(model, dsn=database.dsn_as(database.apps[0])) as client:
            client.sync()
        statement, rows = rows_of_file(model)

        def bare() -> Run:
            connection = bare_file(path())
            with metered(None) as run:
                insert_in_batches(connection, statement, rows, BATCH)
            connection.close()
            return _valued(run, len(rows))

        done = take_turns({"jobledger": ours, "bare SQLite": bare}, bench.runs, bench.progress)
    for name, runs in done.items():
        goal = Goal(GOAL, at_least=True) if name == "jobledger" else None
        result.figures += [
            Figure(f"{name}: events per second", "/s", [r.values["rate"] for r in runs], goal, noisy(runs)),
            Figure(f"{name}: CPU per event", "µs", [r.values["client_us"] for r in runs], noisy=noisy(runs)),
        ]
    ours_us, bare_us = ([r.values["client_us"] for r in runs] for runs in done.values())
    result.figures.append(Figure("our CPU to bare SQLite's", "×", ratios(ours_us, bare_us)))
    result.figures.append(Figure("Postgres: CPU per event", "µs", [r.values["postgres_us"] for r in done["jobledger"]]))
    result.notes.append(
        f"{events:,} events of {jobs:,} completed jobs, into a new file; its CPU is this process's alone."
    )
    result.checks.append("every event arrived, and every job folded to completed")
    return result


def _valued(run: Run, number: int) -> Run:
    run.values = {
        "client_us": run.cpu_s["client"] / number * 1e6,
        "postgres_us": run.cpu_s.get("postgres", 0.0) / number * 1e6,
        "rate": number / run.wall_s,
    }
    return run
