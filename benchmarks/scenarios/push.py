"""Pushing a file's events to the server, beside COPY of the same rows."""

from __future__ import annotations

from itertools import count
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.floor import bare_table, copy_rows, stored_rows
from benchmarks.handlers import params
from benchmarks.measure import Run, metered, noisy, take_turns
from benchmarks.scenarios.drain import parts_of
from benchmarks.server import value
from client_sync import JobClient
from ledger.errors import LedgerError
from ledger.postgres.database import connect

BATCH: Final = 1000
"""As many as the client puts into one push."""


def push(bench: Bench) -> Result:
    """CPU per event, client and Postgres together; nothing runs that would put the events in order."""
    result = Result("push")
    numbers = count()
    with bench.server.database() as database:

        def ours() -> Run:
            file = bench.folder / f"push-{next(numbers)}.db"
            with JobClient(file, dsn=database.dsn_as(database.apps[0])) as client:
                client.submit_many({"name": "noop", "params": params(i)} for i in range(bench.size))
                database.settle()
                with metered(bench.server) as run:
                    told = client.sync()
                if (told.pushed, told.refused, client.unsent) != (bench.size, 0, 0):
                    raise LedgerError(f"{bench.size} events were to be pushed: {told}")
            return _valued(run, bench.size)

        def floor() -> Run:
            with database.look() as connection:
                rows = stored_rows(connection)[: bench.size]
                bare_table(connection)
                database.settle()
            with connect(database.dsn, application_name="copy") as connection:
                with metered(bench.server) as run:
                    for start in range(0, len(rows), BATCH):
                        copy_rows(connection, rows[start : start + BATCH])
                if value(connection, "select count(*) from floor.events") != bench.size:
                    raise LedgerError("COPY did not take every row")
            return _valued(run, bench.size)

        ours()  # so that the floor has rows, and both find pages that were used before
        done = take_turns({"jobledger": ours, "COPY": floor}, bench.runs, bench.progress)
        with database.look() as connection:
            stored = value(connection, "select count(*) from ledger.events where type = 'job.requested'")
            if stored != bench.size * next(numbers):
                raise LedgerError(f"the ledger holds {stored} requests")
    for name, runs in done.items():
        result.figures.append(
            Figure(f"{name}: CPU per event", "µs", [r.values["cpu_us"] for r in runs], noisy=noisy(runs))
        )
        result.figures.append(
            Figure(f"{name}: events per second", "/s", [r.values["rate"] for r in runs], noisy=noisy(runs))
        )
        result.parts[f"{name}, µs of CPU per event"] = parts_of(runs)
    own, copied = ([r.values["cpu_us"] for r in done[name]] for name in ("jobledger", "COPY"))
    result.figures.append(Figure("our CPU to COPY's", "×", ratios(own, copied), Goal(3.0)))
    result.notes.append(
        f"{bench.size:,} events in batches of {BATCH:,}, read from the file, pushed and acknowledged; COPY takes rows "
        "that are texts already, into a table with the same columns, checks and indexes."
    )
    result.checks.append("every event stands in the ledger once, and the file knows it")
    return result


def _valued(run: Run, number: int) -> Run:
    run.parts["client"] = run.cpu_s["client"]
    run.values = {
        "cpu_us": (run.cpu_s["client"] + run.cpu_s["postgres"]) / number * 1e6,
        "rate": number / run.wall_s,
    }
    run.parts = {part: seconds / number * 1e6 for part, seconds in run.parts.items()}
    return run
