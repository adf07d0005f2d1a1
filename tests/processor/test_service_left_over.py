"""What does not reach the ledger, and what a processor leaves there."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from in_process import Ledger, Start
from waiting import until

from processor import JobContext, Registry


def test_p4_a_report_that_cannot_be_recorded_does_not_end_its_job(
    ledger: Ledger, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.owner.execute("""
        create function no_progress() returns trigger language plpgsql as
        $$ begin raise exception 'poison' using errcode = 'data_exception'; end $$;
        create trigger no_progress before insert on ledger.events
        for each row when (new.type = 'attempt.progressed') execute function no_progress()""")
    registry = Registry()
    go_on = threading.Event()

    @registry.handler("work")
    def work(params: Any, job: JobContext) -> str:
        job.progress(5)
        go_on.wait(30)
        return "done"

    start(registry)
    job = ledger.submit("work")
    until(lambda: "cannot be recorded" in caplog.text, "the refusal")
    go_on.set()
    state = ledger.wait_for(job)
    assert (state.status, state.result, state.attempt) == ("completed", "done", 1)
    ledger.verify()


def test_each_claim_of_which_every_job_has_ended_is_forgotten_soon(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("x")(lambda: None)
    start(registry)
    for _ in range(3):
        ledger.wait_for(ledger.submit("x"))
        until(lambda: ledger.count("select count(*) from ledger.claims") == 0, "its claim to be gone")
