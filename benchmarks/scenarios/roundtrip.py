"""From ``submit`` in the file to the result back in it, by way of the server and a processor at rest."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, percentile
from benchmarks.filling import prove, until
from benchmarks.handlers import params
from benchmarks.measure import Run, metered, noisy, take_turns
from benchmarks.notes import Notebook
from benchmarks.programs import program
from benchmarks.scenarios.latency import is_serving
from client_sync import JobClient

if TYPE_CHECKING:
    from uuid import UUID

    from benchmarks.server import Database

GOAL_MS: Final = 50.0
GAP_S: Final = 0.1
PARTS: Final = (
    "submit, on disk", "pushed to the server", "ordered and claimed", "handler starts", "end is recorded",
    "pulled and folded",
)  # fmt: skip
_TIMES: Final = """
    select extract(epoch from min(e.recorded_at) filter (where e.type = 'job.requested'))::float8 as requested,
           extract(epoch from min(e.recorded_at) filter (where e.type = 'attempt.started'))::float8 as started,
           extract(epoch from min(e.recorded_at) filter (where e.type = 'job.completed'))::float8 as completed
    from ledger.events e where e.job_id = %(job_id)s"""


def roundtrip(bench: Bench) -> Result:
    """The whole way, and its parts."""
    result = Result("roundtrip")
    runs = take_turns({"jobledger": lambda: _run(bench, result)}, bench.runs, bench.progress)["jobledger"]
    for part, goal in (("p50", Goal(GOAL_MS)), ("p99", None)):
        result.figures.append(
            Figure(f"submit to result: {part}", "ms", [r.values[part] for r in runs], goal, noisy(runs))
        )
    result.parts["p50 of each part, ms"] = {part: statistics.median(r.values[part] for r in runs) for part in PARTS}
    result.notes.append(
        f"{bench.size:,} jobs, one every {GAP_S * 1000:.0f} ms; the parts are told by when each transaction began."
    )
    return result


def _run(bench: Bench, result: Result) -> Run:
    notebook, times = Notebook(bench.folder), []
    with bench.server.database() as database:
        arguments = ("benchmarks.worker", database.dsn_as(database.processor))
        with (
            program(bench.folder, *arguments, environment=notebook.environment) as worker,
            JobClient(bench.folder / f"{database.processor}.db", dsn=database.dsn_as(database.apps[0])) as client,
            database.look() as looking,
        ):
            worker.until_ready()
            worker.go()
            until(lambda: is_serving(looking), "the processor to register", worker.check_alive)
            client.start_sync()
            client.wait(client.submit("note", params(-1)).id, timeout=60)
            with metered(bench.server) as run:
                for i in range(bench.size):
                    began = time.time()
                    job_id = client.submit("note", params(i)).id
                    submitted = time.time()
                    client.wait(job_id, timeout=60)
                    times.append((i, job_id, began, submitted, time.time()))
                    time.sleep(GAP_S)
        parts = _parts(database, notebook, times)
        result.checks = [prove(database, bench.size + 1)]
    whole = [(ended - began) * 1000 for _, _, began, _, ended in times]
    run.values = {"p50": percentile(whole, 0.5), "p99": percentile(whole, 0.99), **parts}
    return run


def _parts(
    database: Database, notebook: Notebook, times: list[tuple[int, UUID, float, float, float]]
) -> dict[str, float]:
    """The median of each part in milliseconds."""
    handled = {note.i: note.at for note in notebook.read()}
    moments = []
    with database.look() as connection:
        for i, job_id, began, submitted, ended in times:
            row = connection.execute(_TIMES, {"job_id": job_id}).fetchone()
            assert row is not None
            moments.append((began, submitted, row["requested"], row["started"], handled[i], row["completed"], ended))
    return {
        part: statistics.median((moment[n + 1] - moment[n]) * 1000 for moment in moments)
        for n, part in enumerate(PARTS)
    }
