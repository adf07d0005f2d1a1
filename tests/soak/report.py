"""The table at the end, and the same as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from soak.run import Outcome

SHOWN_CASES = 5


def percentile(values: list[float], share: float) -> float:
    """The smallest value that is at least as large as this share of them (nearest rank); 0 for none."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)] if values else 0.0


def as_json(outcome: Outcome) -> dict[str, Any]:
    """All results of a run. Of each kind of case, the first hundred are kept."""
    return {
        "clean": outcome.clean,
        "plan": {key: value for key, value in asdict(outcome.plan).items() if key != "dsn"},
        "faults": outcome.faults,
        "connections": outcome.connections,
        "server": outcome.server,
        "steps": outcome.steps,
        "numbers": outcome.verdict.numbers,
        "wrong": {what: len(cases) for what, cases in outcome.verdict.wrong.items()},
        "cases": {what: cases[:100] for what, cases in outcome.verdict.wrong.items() if cases},
        "settled": outcome.settled,
        "drain_s": {
            "p50": round(percentile(outcome.drained_s, 0.50), 3),
            "p99": round(percentile(outcome.drained_s, 0.99), 3),
            "files": len(outcome.drained_s),
        },
        "seconds": round(outcome.seconds, 1),
        "cpu_s": round(outcome.cpu_s, 1),
    }


def as_table(outcome: Outcome) -> str:
    """For a person: what was done to the system, what came of it, and what must be zero."""
    rows: list[tuple[str, str]] = []
    for title, counts in (("fault", outcome.faults), ("", outcome.server), ("step", outcome.steps)):
        rows += [(f"{title}: {name}" if title else name, f"{n:,}") for name, n in sorted(counts.items())]
    rows.append(("connections", f"{outcome.connections:,}"))
    rows += [(name, f"{n:,}") for name, n in outcome.verdict.numbers.items()]
    p50, p99 = (percentile(outcome.drained_s, share) for share in (0.50, 0.99))
    rows.append((f"time to drain after healing, {len(outcome.drained_s)} files", f"p50 {p50:.2f} s, p99 {p99:.2f} s"))
    rows.append(("run", f"{outcome.seconds:.0f} s, {outcome.cpu_s:.0f} CPU s"))
    wrong = [(what, f"{len(cases):,}") for what, cases in outcome.verdict.wrong.items()]
    wrong.append(("came to rest", "yes" if outcome.settled else "NO"))
    width = max(len(name) for name, _ in rows + wrong) + 2
    lines = [f"{name:<{width}}{value:>12}" for name, value in rows]
    lines += ["", "must be zero"] + [f"  {name:<{width - 2}}{value:>12}" for name, value in wrong]
    if outcome.clean:
        lines += ["", f"clean (seed {outcome.plan.seed})"]
    else:
        lines += ["", f"NOT CLEAN: seed {outcome.plan.seed}. Look at:"]
        for what, cases in outcome.verdict.wrong.items():
            lines += [f"  {what}: {case}" for case in cases[:SHOWN_CASES]]
            if len(cases) > SHOWN_CASES:
                lines.append(f"  {what}: ... and {len(cases) - SHOWN_CASES} more")
    return "\n".join(lines)
