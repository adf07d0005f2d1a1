"""Every scenario, in the order in which they are run."""

from __future__ import annotations

from typing import Final

from benchmarks.bench import Scenario
from benchmarks.scenarios.drain import drain
from benchmarks.scenarios.microbench import microbench

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("microbench", "what each hot function costs", 1000, "calls", microbench),
        Scenario("drain", "≤ 0.12 ms of CPU per job in all; two processors no slower than one", 20_000, "jobs", drain),
    )
}
