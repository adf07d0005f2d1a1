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
from benchmarks.plans import BATCH, look_at_plans
from benchmarks.scenarios.drain import run_waiting
from benchmarks.scenarios.latency import WARM_UP, time_starts

if TYPE_CHECKING:
    from benchmarks.server import Database

DRAINED: Final = 5_000
STARTS: Final = 100
LIMIT: Final = 1.1


def growth(bench: Bench) -> Result:
    """Drain and latency with ``bench.size`` events of history, beside an empty ledger; and the plans of both."""
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
            compared = ratios([r.values[part] for r in done["old"]], [r.values[part] for r in done["empty"]])
            result.figures.append(Figure(f"{measure}: old to empty", "×", compared, Goal(LIMIT)))

        bench.progress.say("plans")
        with bench.server.database() as empty:
            young = look_at_plans(empty)
        aged = look_at_plans(old)
        whole = [f"{call}: {table}" for call, seen in aged.items() for table in seen.whole_tables]
        result.figures.append(Figure("tables read from end to end by hot calls", "", [len(whole)], Goal(0)))
        result.parts[f"pages touched for {BATCH} jobs, empty ledger"] = {c: float(s.pages) for c, s in young.items()}
        result.parts[f"pages touched for {BATCH} jobs, old ledger"] = {c: float(s.pages) for c, s in aged.items()}
        if whole:
            result.notes.append(f"Read from end to end: {', '.join(whole)}.")
        bench.progress.say("proving the projection")
        result.checks.append(prove(old, completed + BATCH))
    return result
