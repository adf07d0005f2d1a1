"""Whether an old ledger costs more than an empty one."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.filling import prove, push_jobs, sequence_all
from benchmarks.history import write_ended
from benchmarks.measure import Run, noisy, take_turns
from benchmarks.scenarios.drain import parts_of, run_waiting
from benchmarks.scenarios.latency import WARM_UP, time_starts
from benchmarks.touched import BATCH, Touched, touched_by_hot_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.server import Database

DRAINED: Final = 5_000
STARTS: Final = 100
LIMIT: Final = 1.1
YOUNG: Final = 1_000
"""Jobs of a ledger at an age at which the planner knows its tables, and thinks them small."""
FEW_PAGES: Final = BATCH + 50
"""What a call may touch more in any case: a page for each row it gives, the catalogue, another level of an index."""


def growth(bench: Bench) -> Result:
    """Drain and latency in an empty, a young and an old ledger (``bench.size`` events), and what Postgres touches."""
    result = Result("growth")
    drained, starts, young = (min(most, bench.size // 3) for most in (DRAINED, STARTS, YOUNG))
    with bench.server.database(owners=2) as old:
        began, completed = time.monotonic(), bench.size // 3
        write_ended(old, completed, bench.progress.say)
        result.notes.append(
            f"The old ledger holds {completed * 3:,} events, written in {time.monotonic() - began:.0f} s; "
            f"the young one {young * 3:,}. Both were vacuumed and analysed."
        )

        def drain(database: Database) -> Run:
            nonlocal completed
            sequence_all(database)  # the last processor's farewell
            push_jobs(database, drained)
            completed += drained if database is old else 0
            return run_waiting(bench, database, 1, drained)

        def start(database: Database) -> Run:
            nonlocal completed
            completed += starts + WARM_UP if database is old else 0
            return time_starts(bench.of_size(starts), database)

        def in_new(measure: Callable[[Database], Run], jobs: int) -> Run:
            with bench.server.database() as database:
                if jobs:
                    write_ended(database, jobs, bench.progress.say)
                return measure(database)

        _compare(bench, result, "drain", "CPU per job", "cpu_ms", drain, partial(in_new, drain), young, old)
        _compare(bench, result, "latency", "p50", "p50", start, partial(in_new, start), 0, old)
        bench.progress.say("what the hot calls touch")
        with bench.server.database(owners=2) as empty:
            _compare_touched(result, touched_by_hot_calls(empty), touched_by_hot_calls(old))
        bench.progress.say("proving the projection")
        result.checks.append(prove(old, completed + BATCH))
    return result


def _compare(
    bench: Bench, result: Result, measure: str, what: str, value: str, in_old: Callable[[Database], Run],
    in_new: Callable[[int], Run], young: int, old: Database,
) -> None:  # fmt: skip
    contenders = {"empty": partial(in_new, 0), "old": partial(in_old, old)}
    if young:
        contenders["young"] = partial(in_new, young)
    done = take_turns(contenders, bench.runs, bench.progress)
    of = {age: [run.values[value] for run in runs] for age, runs in done.items()}
    for age, runs in done.items():
        result.figures.append(Figure(f"{measure}, {age} ledger: {what}", "ms", of[age], noisy=noisy(runs)))
        if measure == "drain":
            result.parts[f"{measure}, {age} ledger, ms of CPU per job"] = parts_of(runs)
    for age in list(done)[1:]:
        result.figures.append(Figure(f"{measure}: {age} to empty", "×", ratios(of[age], of["empty"]), Goal(LIMIT)))


def _compare_touched(result: Result, empty: dict[str, Touched], old: dict[str, Touched]) -> None:
    scanned = [name for name, touched in old.items() if touched.scanned]
    grown = [name for name, touched in old.items() if touched.pages > 2 * empty[name].pages + FEW_PAGES]
    result.figures += [
        Figure("hot calls that read a growing table from end to end", "", [len(scanned)], Goal(0)),
        Figure("hot calls that touch more than twice the pages", "", [len(grown)], Goal(0)),
    ]
    if scanned or grown:
        result.notes.append(f"From end to end: {', '.join(scanned) or '-'}; more pages: {', '.join(grown) or '-'}.")
    for age, calls in (("empty", empty), ("old", old)):
        told = {name: float(touched.pages) for name, touched in calls.items()}
        result.parts[f"pages touched for {BATCH} jobs, {age} ledger"] = told
