"""One owner with a very long queue: does it drain in constant memory, and can one still look at it?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from benchmarks.backlog_file import backlog_file
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result
from benchmarks.filling import DRAINS_WITHIN_S, completed, logged, prove, until
from benchmarks.history import write_waiting
from benchmarks.measure import metered
from benchmarks.programs import program
from benchmarks.scenarios.drain import EVENTS_PER_JOB
from client_sync import JobClient
from jobledger.admin.stats import read_stats

LOOK_MS: Final = 50.0
LOOKS: Final = 5
PROCESSOR_MB: Final = 80.0
GROWTH_MB: Final = 10.0


def backlog(bench: Bench) -> Result:
    """Looks (stats and lists) while everything waits, then the drain, with the processor's memory along the way."""
    result = Result("backlog")
    with bench.server.database() as database:
        write_waiting(database, bench.size, bench.progress.say)
        with database.look() as operator, bench.server.look(database.dsn_as(database.apps[0])) as app:
            query = "select * from ledger.my_jobs order by job_id desc limit 100"
            _look(result, "stats", lambda: read_stats(operator))
            _look(result, "list, on the server", lambda: app.execute(query).fetchall())
        with JobClient(backlog_file(bench.folder, bench.size, bench.progress.say)) as client:
            _look(result, "list, in the file", lambda: client.list(limit=100))
        bench.progress.say("draining")
        with (
            program(bench.folder, "benchmarks.worker", database.dsn_as(database.processor)) as worker,
            database.look() as connection,
        ):
            worker.until_ready()
            tenth = bench.size + bench.size * (EVENTS_PER_JOB - 1) // 10
            last = bench.size * EVENTS_PER_JOB + 1
            with metered(bench.server, processor=[worker.pid]) as run:
                worker.go()
                until(
                    lambda: logged(connection) >= tenth,
                    "a tenth of the jobs",
                    worker.check_alive,
                    seconds=DRAINS_WITHIN_S,
                )
                early, _ = worker.memory_mb()
                until(
                    lambda: logged(connection) >= last,
                    "every event to be in order",
                    worker.check_alive,
                    seconds=DRAINS_WITHIN_S,
                )
            until(lambda: completed(connection) >= bench.size, "every job to end", worker.check_alive)
            _, highest = worker.memory_mb()
        bench.progress.say("proving the projection")
        result.checks.append(prove(database, bench.size))
    run.parts["processor"] = run.cpu_s["processor"]
    result.parts["ms of CPU per job"] = {part: seconds / bench.size * 1000 for part, seconds in run.parts.items()}
    cpu_ms = (run.cpu_s["processor"] + run.cpu_s["postgres"]) / bench.size * 1000
    result.figures += [
        Figure("processor: highest memory", "MB", [highest], Goal(PROCESSOR_MB)),
        Figure("processor: memory added after a tenth", "MB", [max(0.0, highest - early)], Goal(GROWTH_MB)),
        Figure("CPU per job", "ms", [cpu_ms], noisy=run.noisy),
        Figure("jobs per second", "/s", [bench.size / run.wall_s], noisy=run.noisy),
    ]
    result.notes.append(f"{bench.size:,} jobs of one owner wait, on the server in order and in a file of their own.")
    return result


def _look(result: Result, what: str, look: Callable[[], object]) -> None:
    values = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        look()
        values.append((time.perf_counter() - began) * 1000)
    result.figures.append(Figure(what, "ms", values, Goal(LOOK_MS)))
