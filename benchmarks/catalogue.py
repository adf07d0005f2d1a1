"""Every scenario, in the order in which they are run."""

from __future__ import annotations

from typing import Final

from benchmarks.bench import Scenario
from benchmarks.scenarios.backlog import backlog
from benchmarks.scenarios.drain import drain
from benchmarks.scenarios.growth import growth
from benchmarks.scenarios.latency import latency
from benchmarks.scenarios.memory import memory
from benchmarks.scenarios.microbench import microbench
from benchmarks.scenarios.pull import pull
from benchmarks.scenarios.push import push
from benchmarks.scenarios.replicas import replicas
from benchmarks.scenarios.roundtrip import roundtrip
from benchmarks.scenarios.sigkill import sigkill
from benchmarks.scenarios.start import start
from benchmarks.scenarios.submit import submit, submit_many

SCENARIOS: Final = {
    scenario.name: scenario
    for scenario in (
        Scenario("microbench", "what each hot function costs", 1000, "calls", microbench),
        Scenario("drain", "≤ 0.12 ms of CPU per job in all; two processors no slower than one", 20_000, "jobs", drain),
        Scenario("submit", "≤ 1.5 × the CPU of a bare insert and commit", 2000, "requests", submit),
        Scenario("submit_many", "≥ 50 % of bare executemany", 20_000, "requests", submit_many),
        Scenario("push", "≤ 3 × the CPU of COPY", 10_000, "events", push),
        Scenario("pull", "≥ 20,000 events per second, folded", 30_000, "events", pull),
        Scenario("latency", "p50 ≤ 2.5 × a bare NOTIFY; p99 no worse than the peers'", 200, "jobs", latency),
        Scenario("roundtrip", "p50 ≤ 50 ms from the file to the result in the file", 100, "jobs", roundtrip),
        Scenario("growth", "an old ledger within 10 % of an empty one", 5_000_000, "events", growth),
        Scenario("backlog", "constant memory; a look takes ≤ 50 ms", 1_000_000, "jobs", backlog),
        Scenario("replicas", "every file served, without an error", 1000, "files", replicas),
        Scenario("memory", "processor ≤ 80 MB; client ≤ 60 MB", 1_000_000, "requests", memory),
        Scenario("start", "--help ≤ 0.25 s, import ≤ 0.15 s of CPU", 10, "times", start),
        Scenario("sigkill", "how soon a killed processor's job runs elsewhere", 20, "kills", sigkill),
    )
}
