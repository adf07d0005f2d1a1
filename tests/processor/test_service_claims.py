"""Claims from their grant until they are forgotten."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from in_process import Ledger, Start
from ledger_calls import Worker, cancel, push_jobs, sequence
from waiting import until

from processor import JobContext, Registry
from processor.work import worker
from processor.work.cancels import CancelWatch

OPEN = """
    select count(*) from ledger.jobs j join ledger.claims c on c.processor = j.processor and j.job_id = any (c.job_ids)
    where j.status = 'running'"""


def test_p4_a_late_return_does_not_let_go_of_the_claim_of_a_neighbour(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release, end = threading.Event(), threading.Event()

    @registry.handler("work", on_timeout="abandon")
    def work(params: dict[str, bool], job: JobContext) -> str:
        (release if params.get("slow") and job.attempt == 1 else end).wait(30)
        return "done"

    slow = ledger.submit("work", {"slow": True}, limits={"timeout": 0.2, "max_attempts": 1})
    other = ledger.submit("work")
    sequence(ledger.owner)
    start(registry, threads=4)
    assert ledger.wait_for(slow).status == "failed"
    release.set()
    until(lambda: "attempt.superseded" in ledger.types(slow), "evidence")
    # a claim that closes is forgotten with this one
    end_of_another = ledger.submit("work", {"slow": True}, limits={"timeout": 0.2, "max_attempts": 1})
    ledger.wait_for(end_of_another)
    forgotten = "select count(*) from ledger.claims where %(id)s = any (job_ids)"
    until(lambda: ledger.count(forgotten, id=end_of_another) == 0, "a later claim to be forgotten")
    assert ledger.count(OPEN) == 1
    end.set()
    assert ledger.wait_for(other).status == "completed"
    ledger.verify()


def test_p4_progress_that_cannot_be_recorded_does_not_end_its_job(ledger: Ledger, start: Start) -> None:
    ledger.owner.execute(
        """
        create function no_progress() returns trigger language plpgsql as $$
        begin
            raise exception 'poison' using errcode = 'data_exception';
        end $$;
        create trigger no_progress before insert on ledger.events for each row
            when (new.type = 'attempt.progressed') execute function no_progress();
        """
    )
    registry = Registry()

    @registry.handler("work")
    async def work(params: Any, job: JobContext) -> str:
        job.progress(5)
        await job.step_async("recorded", asyncio.sleep, 0.5)
        return "done"

    start(registry)
    job = ledger.submit("work")
    state = ledger.wait_for(job)
    assert (state.status, state.result, state.progress) == ("completed", "done", None)
    ledger.verify()


def test_a_dead_processors_finished_claims_are_forgotten(ledger: Ledger, start: Start) -> None:
    push_jobs(ledger.client, 1)
    sequence(ledger.owner)
    worker = Worker(ledger.database.connect("worker"))
    (job,) = worker.claim()
    worker.record((job, "job.completed", {}))
    worker.connection.close()
    registry = Registry()
    registry.handler("other")(lambda: None)
    start(registry, grace=0.1)
    until(lambda: ledger.count("select count(*) from ledger.claims") == 0, "the claims to be forgotten")
    assert ledger.count("select count(*) from ledger.processors where lost_at is not null") == 1
    assert ledger.state(job["job_id"]).losses == 0


def test_p4_a_step_whose_processor_is_lost_lets_its_thread_go(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    in_step, hold, over = threading.Event(), threading.Event(), threading.Event()

    def held() -> None:
        in_step.set()
        hold.wait(30)

    @registry.handler("work")
    def work(params: Any, job: JobContext) -> str:
        if job.attempt > 1:
            return "by the next"
        try:
            job.step("held", held)
        finally:
            over.set()
        return "by the first"

    start(registry, threads=1)
    job = ledger.submit("work")
    assert in_step.wait(30)
    blocker = ledger.database.connect(autocommit=False)
    blocker.execute("select from ledger.jobs where job_id = %(id)s for update", {"id": job})
    hold.set()
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%%ledger.record%%'"
    until(lambda: ledger.count(waits) == 1, "the step to be on its way")
    assert not over.is_set()
    ledger.owner.execute("update ledger.processors set lost_at = now()")
    assert over.wait(30)
    blocker.rollback()
    assert ledger.wait_for(job).result in ("by the next", "by the first")
    ledger.verify()


def test_p9_a_cancel_that_arrives_while_a_claim_is_answered_acts_at_once(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was announced before the job was known here. No poll is to find it."""
    watches: list[CancelWatch] = []

    class Seen(CancelWatch):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            watches.append(self)

    monkeypatch.setattr(worker, "CancelWatch", Seen)
    leader, registry = Registry(), Registry()
    leader.handler("other")(lambda: None)

    @registry.handler("work")
    async def work(params: Any, job: JobContext) -> None:
        if job.attempt == 1:
            raise ConnectionError
        await asyncio.Event().wait()

    start(leader, poll_interval=3600)
    until(lambda: ledger.count("select count(*) from ledger.leader") == 1 and watches, "one to lead")
    start(registry, poll_interval=3600)
    until(lambda: len(watches) == 2, "the other")
    ledger.owner.execute("""
        alter function ledger.completed_steps rename to at_once;
        create function ledger.completed_steps(p_job_ids uuid[]) returns table (job_id uuid, data text)
        language sql security definer
        as 'select s.job_id, s.data::text from (select pg_advisory_lock(7), pg_advisory_unlock(7)) l,
                   lateral ledger.at_once(p_job_ids) s';
        grant execute on function ledger.completed_steps to ledger_processor
    """)
    blocker = ledger.database.connect()
    blocker.execute("select pg_advisory_lock(7)")
    job = ledger.submit("work")
    waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    until(lambda: ledger.count(waits) == 1, "the second attempt to be granted, and not yet known to the processor")
    looks = watches[1].looks
    cancel(ledger.client, job)
    until(lambda: watches[1].looks > looks, "the processor to look for cancels")
    blocker.execute("select pg_advisory_unlock(7)")
    assert ledger.wait_for(job).status == "cancelled"
    ledger.verify()


def test_p5_a_claim_that_is_answered_with_given_up_stops_the_jobs_in_hand(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    stopped = threading.Event()

    @registry.handler("work")
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    # no heartbeat brings the answer
    start(registry, heartbeat=600.0, lease=2400.0, drain_timeout=0.0, poll_interval=1.0)
    job = ledger.submit("work")
    ledger.wait_for(job, "running")
    ledger.owner.execute("update ledger.processors set lost_at = now()")
    ledger.submit("work")
    assert stopped.wait(30)
