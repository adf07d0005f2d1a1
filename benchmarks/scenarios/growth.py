"""Whether an old ledger costs more than an empty one."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result, ratios
from benchmarks.filling import prove, push_jobs, sequence_all
from benchmarks.history import write_ended
from benchmarks.measure import Run, noisy, take_turns
from benchmarks.scenarios.drain import parts_of, run_waiting
from benchmarks.scenarios.latency import WARM_UP, time_starts
from benchmarks.touched import BATCH, touched_by_hot_calls

if TYPE_CHECKING:
    from benchmarks.server import Database

DRAINED: Final = 5_000
STARTS: Final = 100
LIMIT: Final = 1.1


def growth(bench: Bench) -> Result:
    """Drain and latency with ``bench.size`` events of history, beside an empty ledger; and what Postgres touches."""
    result = Result("growth")
    drained, starts = min(DRAINED, bench.size), min(STARTS, bench.size)
    with bench.server.database() as old:
        began, completed = time.monotonic(), bench.size // 3
        write_ended(old, completed, bench.progress.say)
        result.notes.append(f"{completed * 3:,} events of history, written in {time.monotonic() - began:.0f} s.")

        def run(measure: str, database: Database | None) -> Run:
            nonlocal completed
            with ExitStack() as opened:
                target = database or opened.enter_context(bench.server.database())
                sequence_all(target)  # the last processor's farewell
                if measure == "drain":
                    jobs = drained
                    push_jobs(target, jobs)
                    done = run_waiting(bench, target, 1, jobs)
                else:
                    jobs = starts + WARM_UP
                    done = time_starts(bench.of_size(starts), target)
            completed += jobs if database else 0
            return done

        for measure, part, unit in (("drain", "cpu_ms", "ms"), ("latency", "p50", "ms")):
            contenders = {"empty": partial(run, measure, None), "old": partial(run, measure, old)}
            done = take_turns(contenders, bench.runs, bench.progress)
            for age, runs in done.items():
                what = f"{measure}, {age} ledger: {'CPU per job' if part == 'cpu_ms' else part}"
                result.figures.append(Figure(what, unit, [r.values[part] for r in runs], noisy=noisy(runs)))
                if measure == "drain":
                    result.parts[f"drain, {age} ledger, ms of CPU per job"] = parts_of(runs)
            compared = ratios([r.values[part] for r in done["old"]], [r.values[part] for r in done["empty"]])
            result.figures.append(Figure(f"{measure}: old to empty", "×", compared, Goal(LIMIT)))

        bench.progress.say("what the hot calls touch")
        with bench.server.database() as empty:
            young = touched_by_hot_calls(empty)
        aged = touched_by_hot_calls(old)
        scanned = sum(touched.scanned for touched in aged.values())
        result.figures.append(Figure("rows read from end to end by the hot calls", "", [scanned], Goal(0)))
        if scanned:
            names = ", ".join(name for name, touched in aged.items() if touched.scanned)
            result.notes.append(f"Read from end to end by: {names}.")
        for age, calls in (("empty", young), ("old", aged)):
            result.parts[f"pages touched for {BATCH} jobs, {age} ledger"] = {
                name: float(touched.pages) for name, touched in calls.items()
            }
        bench.progress.say("proving the projection")
        result.checks.append(prove(old, completed + BATCH))
    return result
