"""How much memory the two sides take: a processor at rest and at work, a client with a very long backlog."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from benchmarks.backlog_file import backlog_file
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result
from benchmarks.filling import prove, push_jobs, sequence_all, until
from benchmarks.measure import Run, take_turns
from benchmarks.programs import program
from benchmarks.scenarios.drain import run_waiting
from benchmarks.scenarios.latency import is_serving
from benchmarks.server import value
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from typing import Any

    from benchmarks.server import Database

PROCESSOR_MB: Final = 80.0
CLIENT_MB: Final = 60.0
LOAD: Final = 20_000


def memory(bench: Bench) -> Result:
    """Resident memory in MB: of a processor at rest, its highest under load, a client's highest in a sync."""
    result = Result("memory")
    load = min(LOAD, bench.size)

    def processor() -> Run:
        with bench.server.database() as database:
            idle = _idle_mb(bench, database)
            sequence_all(database)  # its farewell
            push_jobs(database, load)
            run = run_waiting(bench, database, 1, load)
            result.checks = [prove(database, load)]
        run.values["idle_mb"] = idle
        return run

    runs = take_turns({"processor": processor}, bench.runs, bench.progress)["processor"]
    result.figures += [
        Figure("processor, idle", "MB", [r.values["idle_mb"] for r in runs], Goal(PROCESSOR_MB)),
        Figure("processor, highest under load", "MB", [r.values["memory_mb"] for r in runs], Goal(PROCESSOR_MB)),
    ]
    model = backlog_file(bench.folder, bench.size, bench.progress.say)
    file = model.with_suffix(".pushed")
    shutil.copy(model, file)
    with bench.server.database() as database:
        bench.progress.say("pushing the backlog")
        pushed = _sync(bench, database, str(file))
        if pushed["pushed"] != bench.size:
            raise LedgerError(f"{bench.size} events were to be pushed: {pushed}")
        bench.progress.say("pulling it back")
        sequence_all(database)
        pulled = _sync(bench, database, str(file))
        with database.look() as connection:
            if value(connection, "select count(*) from ledger.log") != bench.size:
                raise LedgerError("the log does not hold the backlog")
    result.figures += [
        Figure("client, highest while pushing its backlog", "MB", [pushed["peak_mb"]], Goal(CLIENT_MB)),
        Figure("client, highest while reading it back", "MB", [pulled["peak_mb"]], Goal(CLIENT_MB)),
    ]
    result.notes.append(f"{load:,} no-op jobs for the processor; a backlog of {bench.size:,} requests for the client.")
    result.checks.append("the log holds the whole backlog")
    return result


def _idle_mb(bench: Bench, database: Database) -> float:
    with (
        program(bench.folder, "benchmarks.worker", database.dsn_as(database.processor)) as worker,
        database.look() as connection,
    ):
        worker.until_ready()
        worker.go()
        until(lambda: is_serving(connection), "the processor to register", worker.check_alive)
        return worker.memory_mb()[0]


def _sync(bench: Bench, database: Database, file: str) -> dict[str, Any]:
    arguments = ("benchmarks.syncer", file, database.dsn_as(database.apps[0]))
    with program(bench.folder, *arguments) as syncer:
        syncer.until_ready()
        syncer.go()
        return syncer.read()
