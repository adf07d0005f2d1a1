"""Draining: jobs wait that nobody has put in order yet; a processor orders, claims, runs and records them."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.filling import DRAINS_WITHIN_S, completed, logged, prove, push_jobs, until
from benchmarks.measure import Run, metered, noisy, take_turns
from benchmarks.peers.environment import KINDS
from benchmarks.programs import Program, program
from benchmarks.server import value
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from benchmarks.peers.environment import Kind
    from benchmarks.server import Database

EVENTS_PER_JOB: Final = 3
GOAL_MS: Final = 0.12
GOAL_RATE: Final = 8_000.0


def drain(bench: Bench) -> Result:
    """CPU and time per job, with one processor and with two, beside the peers."""
    result = Result("drain")
    contenders = {
        "jobledger": partial(_ours, bench, 1, result),
        "jobledger, two processors": partial(_ours, bench, 2, result),
    }
    if bench.peers:
        contenders |= {kind.name: partial(_peer, bench, kind) for kind in KINDS}
    done = take_turns(contenders, bench.runs, bench.progress)
    for name, runs in done.items():
        goal = Goal(GOAL_MS) if name == "jobledger" else None
        result.figures.append(
            Figure(f"{name}: CPU per job", "ms", [r.values["cpu_ms"] for r in runs], goal, noisy(runs))
        )
    for name, runs in done.items():
        rate = Goal(GOAL_RATE, at_least=True) if name == "jobledger" else None
        result.figures.append(
            Figure(f"{name}: jobs per second", "/s", [r.values["rate"] for r in runs], rate, noisy(runs))
        )
        result.parts[f"{name}, ms of CPU per job"] = parts_of(runs)
    one, two = ([r.values["rate"] for r in done[name]] for name in ("jobledger", "jobledger, two processors"))
    result.figures.append(Figure("two processors' rate to one's", "×", ratios(two, one), Goal(1.0, at_least=True)))
    for name in done.keys() & {kind.name for kind in KINDS}:
        theirs = [r.values["cpu_ms"] for r in done[name]]
        ours = [r.values["cpu_ms"] for r in done["jobledger"]]
        result.figures.append(Figure(f"our CPU per job to {name}'s", "×", ratios(ours, theirs)))
    result.notes.append(
        f"{bench.size:,} jobs waiting and not in order yet; starting Python is left out, connecting is not."
        + "".join(f" {k.name}: {bench.size // k.cost:,} jobs." for k in KINDS if bench.peers and k.cost > 1)
    )
    return result


def run_waiting(bench: Bench, database: Database, processors: int, jobs: int) -> Run:
    """Let processors run the ``jobs`` that wait, until the last of their events is in order."""
    with ExitStack() as opened, database.look() as connection:
        database.settle()
        started = [
            opened.enter_context(program(bench.folder, "benchmarks.worker", database.dsn_as(database.processor)))
            for _ in range(processors)
        ]
        for worker in started:
            worker.until_ready()
        ordered = logged(connection) - int(value(connection, "select count(*) from ledger.queue"))
        # of each job a request, a start and an end, and more where it was given back; and each processor's start
        last = max(ordered, 0) + jobs * EVENTS_PER_JOB + processors
        ended = completed(connection) + jobs
        with metered(bench.server, processor=[worker.pid for worker in started]) as run:
            for worker in started:
                worker.go()
            # counting jobs is not a part of the work: in an old ledger it takes longer than that
            until(
                lambda: logged(connection) >= last, "every event to be in order", lambda: _check_alive(started),
                seconds=DRAINS_WITHIN_S,
            )  # fmt: skip
        until(lambda: completed(connection) >= ended, "every job to end", lambda: _check_alive(started))
        run.values = _values(run, jobs)
        run.values["memory_mb"] = max(worker.memory_mb()[1] for worker in started)
    return run


def _ours(bench: Bench, processors: int, result: Result) -> Run:
    with bench.server.database() as database:
        push_jobs(database, bench.size)
        run = run_waiting(bench, database, processors, bench.size)
        proved = prove(database, bench.size)
    if proved not in result.checks:
        result.checks.append(proved)
    return run


def _peer(bench: Bench, kind: Kind) -> Run:
    assert bench.peers is not None
    jobs = max(1, bench.size // kind.cost)
    with bench.server.database(ledger=False) as database, database.look() as connection:
        bench.peers.call(kind, "setup", database)
        bench.peers.call(kind, "fill", database, str(jobs))
        database.settle()
        with bench.peers.start(kind, "work", bench.folder, database) as worker:
            worker.until_ready()
            with metered(bench.server, processor=[worker.pid]) as run:
                worker.go()
                until(
                    lambda: not value(connection, kind.left),
                    f"{kind.name} to end",
                    worker.check_alive,
                    seconds=DRAINS_WITHIN_S,
                )
        if (found := value(connection, kind.done)) != jobs:
            raise LedgerError(f"{kind.name} was to do {jobs} jobs and says that it did {found}")
    run.values = _values(run, jobs)
    return run


def _check_alive(started: list[Program]) -> None:
    for worker in started:
        worker.check_alive()


def _values(run: Run, jobs: int) -> dict[str, float]:
    cpu_s = run.cpu_s["processor"] + run.cpu_s["postgres"]
    run.parts["processor"] = run.cpu_s["processor"]
    run.parts = {part: seconds * 1000 / jobs for part, seconds in run.parts.items()}
    return {"cpu_ms": cpu_s * 1000 / jobs, "rate": jobs / run.wall_s}


def parts_of(runs: list[Run]) -> dict[str, float]:
    """Where the time went, the median over the runs, the largest part first."""
    names = {name for run in runs for name in run.parts}
    middle = {name: statistics.median(run.parts.get(name, 0.0) for run in runs) for name in names}
    return dict(sorted(middle.items(), key=lambda part: -part[1]))
