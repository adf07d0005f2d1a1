"""The server's clock steps: leases count what has passed, and not what a clock says (P5)."""

from __future__ import annotations

import threading

import pytest
from in_process import Ledger, Start
from ledger_calls import Worker, sequence
from waiting import until

from processor import Registry

STEP = """
    update ledger.processors
    set heartbeat_at = heartbeat_at + %(by)s::interval, started_at = started_at + %(by)s::interval
"""
BEATS = "select min(beats) from ledger.processors"


@pytest.mark.parametrize("by", ["-1 hour", "1 hour"])
def test_p5_a_living_processor_is_not_given_up_when_the_clock_steps(ledger: Ledger, start: Start, by: str) -> None:
    """Every beat is written by the new clock, and what was written before the step looks an hour old, or to come."""
    go_on = threading.Event()
    registry = Registry()

    @registry.handler("work")
    def work() -> str:
        go_on.wait(30)
        return "done"

    for _ in range(2):
        start(registry, heartbeat=0.1, grace=0.5, lease=1.0)
    job = ledger.submit("work")
    ledger.wait_for(job, "running")
    until(lambda: ledger.count("select count(*) from ledger.processors") == 2, "both to register")
    beats = ledger.count(BEATS)

    def stepping() -> bool:
        ledger.owner.execute(STEP, {"by": by})
        return ledger.count(BEATS) > beats + 25

    until(stepping, "more than two leases to pass")
    go_on.set()
    assert ledger.wait_for(job).losses == 0
    assert ledger.count("select count(*) from ledger.processors where lost_at is not null") == 0
    ledger.verify()


@pytest.mark.parametrize("session", ["ended", "kept by a child"])
def test_p4_who_died_before_the_clock_stepped_back_is_given_up(ledger: Ledger, start: Start, session: str) -> None:
    registry = Registry()
    registry.handler("noop")(lambda: "by the living")
    job = ledger.submit("noop")
    sequence(ledger.owner)
    connection = ledger.database.connect("worker")
    dead = Worker(connection)
    assert len(dead.claim()) == 1
    ledger.owner.execute(STEP, {"by": "1 hour"})  # as those see it whose clock is an hour behind by now
    if session == "ended":
        connection.close()
    start(registry, heartbeat=0.1, lease=1.0)
    assert ledger.wait_for(job).result == "by the living"
    ledger.verify()
