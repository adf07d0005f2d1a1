"""What breaks: connections, processors, heartbeats, single events."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from in_process import QUICK, Ledger, RunningService, Start
from ledger_calls import Worker, sequence
from psycopg import sql
from psycopg.conninfo import make_conninfo
from serving import processor
from waiting import until

from ledger.errors import LedgerError, ServerUnreachable
from ledger.postgres.database import connect
from processor import JobContext, Registry, RetryPolicy
from processor.settings import Settings

ENDED = "select count(*) from ledger.jobs where status in ('completed', 'failed', 'cancelled')"
TERMINATE = """
    select count(pg_terminate_backend(a.pid)) from pg_stat_activity a
    where a.datname = current_database() and a.application_name = any (%(names)s)
"""
READY = "select count(*) from ledger.queue where run_at is null"
ALL = ["jobledger leader", "jobledger listener", "jobledger claimer", "jobledger recorder", "jobledger liveness"]


@pytest.mark.parametrize("name", [*ALL, "all"])
def test_a_broken_connection_is_made_again_and_costs_no_attempt(ledger: Ledger, start: Start, name: str) -> None:
    registry = Registry()
    go_on = threading.Event()

    @registry.handler("work")
    def work() -> str:
        go_on.wait(30)
        return "done"

    names = ALL if name == "all" else [name]
    start(registry, poll_interval=2)
    first = ledger.submit("work")
    ledger.wait_for(first, "running")
    until(lambda: ledger.count(TERMINATE, names=names) >= len(names), "the connections to break")
    go_on.set()
    assert ledger.wait_for(first).attempt == 1
    assert ledger.wait_for(ledger.submit("work")).attempt == 1
    assert ledger.count("select count(*) from ledger.processors") == 1, "the registration was kept"
    ledger.verify()


GIVE_UP = """
    update ledger.processors set lost_at = now() where stopped_at is null and lost_at is null returning 1 as given_up
"""


def test_p5_a_processor_that_was_given_up_stops_its_jobs_and_begins_anew(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    stopped: list[str] = []

    @registry.handler("async")
    async def async_one(params: Any, job: JobContext) -> str:
        try:
            if job.attempt == 1:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append("async")
            raise
        return "done"

    @registry.handler("plain")
    def plain_one(params: Any, job: JobContext) -> str:
        if job.attempt == 1:
            until(lambda: job.cancelled, "to be asked to stop")
            stopped.append("plain")
            return "from a processor that is lost"
        return "done"

    start(registry)
    jobs = [ledger.submit("async"), ledger.submit("plain")]
    for job in jobs:
        ledger.wait_for(job, "running")
    before = ledger.processor_of(jobs[0])
    assert ledger.count(GIVE_UP) == 1
    for job in jobs:
        state = ledger.wait_for(job)
        assert (state.result, state.attempt, state.losses, state.failures) == ("done", 2, 1, 0)
        assert state.attempts[2].start is not None
        assert state.attempts[2].start.processor != before
    assert sorted(stopped) == ["async", "plain"]
    assert "attempt.superseded" not in ledger.types(jobs[1]), "nothing more is sent under a lost identity"
    ledger.verify()


def test_what_returns_after_its_processor_was_lost_makes_room_for_the_next_one(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("work")
    async def work(params: dict[str, bool], job: JobContext) -> str:
        if params.get("stubborn") and job.attempt == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.to_thread(release.wait, 30)
        if params.get("slow"):
            await asyncio.sleep(0.02)
        return "done"

    start(registry, concurrency=2)
    quick = [ledger.submit("work") for _ in range(200)]
    for job in quick:
        ledger.wait_for(job)
    stubborn = ledger.submit("work", {"stubborn": True})
    ledger.wait_for(stubborn, "running")
    assert ledger.count(GIVE_UP) == 1
    assert ledger.wait_for(stubborn).losses == 1
    slow = [ledger.submit("work", {"slow": True}) for _ in range(60)]
    until(lambda: ledger.count("select count(*) from ledger.jobs where status = 'running'") > 2, "jobs claimed ahead")
    release.set()
    for job in slow:
        assert ledger.wait_for(job).attempt == 1
    ledger.verify()


def test_a_processor_that_was_given_up_notices_and_begins_anew(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("work")
    async def work(params: Any, job: JobContext) -> str:
        if job.attempt == 1:
            await asyncio.Event().wait()
        return "done"

    start(registry)
    job = ledger.submit("work")
    ledger.wait_for(job, "running")
    ledger.owner.execute("update ledger.processors set lost_at = now()")
    state = ledger.wait_for(job)
    assert (state.result, state.losses) == ("done", 1)
    ledger.verify()


def test_a_processor_whose_heartbeat_hangs_stops_before_its_lease_is_over(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    stopped = threading.Event()

    @registry.handler("work")
    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    start(registry, heartbeat=0.1, lease=1.0, drain_timeout=0.0)
    job = ledger.submit("work")
    ledger.wait_for(job, "running")
    blocker = ledger.database.connect(autocommit=False)
    blocker.execute("select from ledger.processors for update")
    until(stopped.is_set, "the job to be stopped", seconds=10)
    row = ledger.owner.execute("select now() - heartbeat_at < interval '1 second' as in_time from ledger.processors")
    assert row.fetchone() == {"in_time": True}
    blocker.rollback()
    ledger.wait_for(job, "running")
    until(lambda: ledger.state(job).losses == 1, "the job to be taken back")
    ledger.wait_for(job, "running")


def test_p4_a_killed_processors_job_runs_elsewhere(ledger: Ledger, start: Start, tmp_path: Path) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", "--app", "drained_jobs:jobs") as process:
        job = ledger.submit("endless")
        ledger.wait_for(job, "running")
        registry = Registry()
        registry.handler("endless")(lambda: "not endless here")
        start(registry)
        process.send_signal(signal.SIGKILL)
        process.wait()
        state = ledger.wait_for(job, seconds=10)
    assert (state.result, state.attempt, state.losses) == ("not endless here", 2, 1)
    [lost] = [event["data"] for event in ledger.events(job) if event["type"] == "attempt.lost"]
    assert lost["noticed_by"] == "lock"
    ledger.verify()


def test_a_job_that_loses_too_many_processors_fails(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("other")(lambda: None)
    start(registry, grace=0.1, retry=RetryPolicy(first_wait_s=0.01, jitter=0, max_losses=2))
    job = ledger.submit("noop")
    for losses in range(3):
        until(lambda: ledger.count(READY) == 1, "the job to be ready")
        connection = ledger.database.connect("worker")
        (claimed,) = Worker(connection).claim()
        assert claimed["attempt"] == losses + 1
        connection.close()
    state = ledger.wait_for(job)
    assert (state.status, state.losses) == ("failed", 3)
    assert state.error is not None
    assert state.error.type == "Lost"
    ledger.verify()


def test_p5_a_processor_that_comes_back_after_its_lease_changes_nothing(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("noop")(lambda: "by the living")
    job = ledger.submit("noop")
    sequence(ledger.owner)
    frozen = Worker(ledger.database.connect("worker"))
    (claimed,) = frozen.claim()
    # it is heard of no more, though its session is still there
    start(registry, heartbeat=0.1, lease=1.0)
    state = ledger.wait_for(job)
    assert (state.result, state.attempt) == ("by the living", 2)
    [lost] = [event["data"] for event in ledger.events(job) if event["type"] == "attempt.lost"]
    assert lost["noticed_by"] == "heartbeat"
    late = frozen.record((claimed, "job.completed", {"result": "by the dead"}))
    assert [row["job_id"] for row in late] == [job]
    assert ledger.state(job).result == "by the living"
    assert ledger.types(job)[-1] == "attempt.superseded"
    ledger.verify()


def test_a_claim_that_was_granted_unseen_is_taken_up(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("work")
    def work() -> str:
        release.wait(30)
        return "done"

    start(registry, threads=1, poll_interval=0.4)
    first = ledger.submit("work")
    ledger.wait_for(first, "running")
    second = ledger.submit("work")
    ledger.wait_for(second, "pending")
    # as if the answer to this claim had been lost with the connection
    unseen = Worker(ledger.database.connect("worker"), names=["work"])
    unseen.id = ledger.processor_of(first)
    assert len(unseen.claim()) == 1
    release.set()
    assert ledger.wait_for(first).result == "done"
    state = ledger.wait_for(second)
    assert (state.result, state.attempt) == ("done", 1)
    until(lambda: ledger.count("select count(*) from ledger.claims") == 0, "the claims to be forgotten")
    ledger.verify()


BLOCKED = """
    select coalesce(min(a.pid), 0) from pg_stat_activity a
    where a.application_name = %(name)s and a.wait_event_type = 'Lock' and a.datname = current_database()
"""


@pytest.mark.parametrize("role", ["leader", "claimer"])
def test_p9_a_claim_whose_answer_was_lost_is_taken_up_without_a_poll(ledger: Ledger, start: Start, role: str) -> None:
    registry, leader = Registry(), Registry()
    registry.handler("work")(lambda: "done")
    leader.handler("other")(lambda: None)
    if role == "claimer":  # its claims go along with no pass while another leads
        start(leader, poll_interval=3600)
        until(lambda: ledger.count("select count(*) from ledger.leader") == 1, "one to lead")
    start(registry, poll_interval=3600)
    ledger.wait_for(ledger.submit("work"))
    # granted in the processor's name, where it never asks for itself
    lost = ledger.submit("work", namespace="elsewhere")
    ledger.wait_for(lost, "pending")
    unseen = Worker(ledger.database.connect("worker"), names=["work"])
    find = "select processor from ledger.processors where names = '{work}' and processor <> %(id)s"
    [row] = ledger.owner.execute(find, {"id": unseen.id}).fetchall()
    unseen.id = row["processor"]
    assert len(unseen.claim(namespaces=["elsewhere"])) == 1
    with ledger.database.connect().transaction() as holding:
        holding.connection.execute("lock table ledger.claims in exclusive mode")
        other = ledger.submit("work")
        pid = until(lambda: ledger.count(BLOCKED, name=f"jobledger {role}") or None, "a claim to wait")
        ledger.count("select pg_terminate_backend(%(pid)s)::integer", pid=pid)
        until(lambda: ledger.count(BLOCKED, name=f"jobledger {role}") != pid, "its connection to break")
    for job in (lost, other):
        assert ledger.wait_for(job).attempt == 1
    ledger.verify()


def test_p8_an_end_that_cannot_be_recorded_does_not_delay_its_neighbours(ledger: Ledger, start: Start) -> None:
    ledger.owner.execute(
        """
        create function refuse_poison() returns trigger language plpgsql as $$
        begin
            raise exception 'this data is poison' using errcode = 'data_exception';
        end $$;
        create trigger refuse_poison before insert on ledger.events for each row
            when (new.type = 'job.completed' and new.data::text like '%poison%') execute function refuse_poison();
        """
    )
    registry = Registry()

    @registry.handler("echo")
    async def echo(params: dict[str, str]) -> str:
        return params["text"]

    jobs = [ledger.submit("echo", {"text": "poison" if n % 7 == 3 else "water"}) for n in range(50)]
    start(registry)
    states = [ledger.wait_for(job) for job in jobs]
    for n, state in enumerate(states):
        if n % 7 == 3:
            assert state.error is not None
            assert (state.status, state.error.type) == ("failed", "Unrecordable")
            assert "this data is poison" in state.error.message
        else:
            assert state.result == "water"
    ledger.verify()


def test_p6_connections_that_break_all_the_time_lose_and_double_nothing(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("work")
    async def work(params: dict[str, int], job: JobContext) -> int:
        job.progress(50)
        await asyncio.sleep(0.02)
        return params["n"]

    chance = random.Random(20261121)
    jobs = [ledger.submit("work", {"n": n}) for n in range(300)]
    start(registry, concurrency=5, batch=20, poll_interval=1, retry=QUICK)
    ledger.wait_for(jobs[0], "running", "completed")
    breaks = 0
    while ledger.count(ENDED) < len(jobs):
        breaks += ledger.count(TERMINATE, names=chance.sample(ALL[:4], 2))
        seen = ledger.count(ENDED)
        until(lambda seen=seen: ledger.count(ENDED) > min(seen + 20, len(jobs) - 1), "some progress")  # type: ignore[misc]  # mypy reads seen as an argument
    assert breaks > 4
    for n, job in enumerate(jobs):
        state = ledger.state(job)
        assert (state.status, state.result, state.losses) == ("completed", n, 0)
    ends = ledger.count("select count(*) from ledger.events where type = 'job.completed'")
    assert ends == len(jobs)
    ledger.verify()


def test_a_processor_that_cannot_record_before_it_stops_says_so_and_its_jobs_run_elsewhere(
    ledger: Ledger, start: Start
) -> None:
    registry = Registry()
    go_on = threading.Event()

    @registry.handler("work")
    def work(params: Any, job: JobContext) -> str:
        if job.attempt == 1:
            go_on.wait(30)
        return f"by attempt {job.attempt}"

    service = RunningService(ledger.database.dsn_as("worker"), registry, Settings(drain_timeout=0.0))
    job = ledger.submit("work")
    ledger.wait_for(job, "running")
    admit(ledger, False)  # its heartbeat goes on, but what breaks now cannot be made again
    until(lambda: ledger.count(TERMINATE, names=ALL[:4]) == 0, "its connections to be gone")
    go_on.set()
    with pytest.raises(ServerUnreachable, match="could not be recorded"):
        service.stop()
    admit(ledger, True)
    assert ledger.state(job).status == "running"
    start(registry)
    assert ledger.wait_for(job).result == "by attempt 2"
    ledger.verify()


def admit(ledger: Ledger, yes: bool) -> None:
    """Let nobody new into the test's database, or everybody again."""
    name = sql.Identifier(ledger.owner.info.dbname)
    with connect(make_conninfo(ledger.database.dsn, dbname="postgres")) as admin:
        admin.execute(sql.SQL("alter database {} allow_connections {}").format(name, sql.Literal(yes)))


def test_a_login_without_the_right_gets_a_clear_error(ledger: Ledger) -> None:
    registry = Registry()
    registry.handler("work")(lambda: None)
    service = RunningService(ledger.database.dsn_as("app_bob"), registry, Settings())
    until(lambda: service.ended, "the service to give up")
    with pytest.raises(LedgerError, match="permission denied"):
        service.stop()
