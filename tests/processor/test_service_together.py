"""Many jobs, and more than one processor."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from in_process import Ledger, Start
from waiting import until

from processor import JobContext, Registry

ENDED = "select count(*) from ledger.jobs where status in ('completed', 'failed', 'cancelled')"
RUNNING = "select count(*) from ledger.jobs where status = 'running'"
SUBMIT_MANY = """
    select count(ledger.submit('noop', json_build_object('n', n)))
    from generate_series(1, %(count)s) n
"""


def test_p6_two_thousand_jobs_each_have_exactly_one_end(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    ran: list[int] = []

    @registry.handler("noop")
    async def noop(params: dict[str, int]) -> int:
        ran.append(params["n"])
        return params["n"]

    ledger.client.execute(SUBMIT_MANY, {"count": 2000})
    start(registry)
    until(lambda: ledger.count(ENDED) == 2000, "all jobs to end")
    assert sorted(ran) == list(range(1, 2001))
    ends = ledger.owner.execute(
        """
        select e.type, count(*) as ends, count(distinct e.job_id) as jobs from ledger.events e
        where e.type in ('job.completed', 'job.failed', 'job.cancelled') group by e.type
        """
    ).fetchall()
    assert ends == [{"type": "job.completed", "ends": 2000, "jobs": 2000}]
    until(lambda: ledger.count("select count(*) from ledger.claims") == 0, "the claims to be forgotten")
    ledger.verify()


def test_two_processors_share_the_work_and_never_a_job(ledger: Ledger, start: Start) -> None:
    both_busy = threading.Barrier(2)
    ran: dict[str, list[int]] = {"a": [], "b": []}

    def registry_of(who: str) -> Registry:
        registry = Registry()

        @registry.handler("work")
        def work(params: dict[str, int]) -> None:
            if not ran[who]:
                ran[who].append(params["n"])
                both_busy.wait(30)
            else:
                ran[who].append(params["n"])

        return registry

    start(registry_of("a"), threads=1)
    start(registry_of("b"), threads=1)
    jobs = [ledger.submit("work", {"n": n}) for n in range(100)]
    for job in jobs:
        assert ledger.wait_for(job).attempt == 1
    assert sorted(ran["a"] + ran["b"]) == list(range(100))
    assert ran["a"]
    assert ran["b"]
    ledger.verify()


def test_what_was_claimed_ahead_and_finds_no_place_goes_to_a_processor_with_room(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    release = threading.Event()

    @registry.handler("work")
    async def work(params: dict[str, bool]) -> None:
        if params.get("long"):
            await asyncio.to_thread(release.wait, 60)

    start(registry, concurrency=2)
    for job in [ledger.submit("work") for _ in range(200)]:
        ledger.wait_for(job)
    long = [ledger.submit("work", {"long": True}) for _ in range(2)]
    for job in long:
        ledger.wait_for(job, "running")
    stuck = [ledger.submit("work") for _ in range(20)]
    until(lambda: ledger.count(RUNNING) > 2, "jobs claimed ahead")
    other = Registry()
    other.handler("work")(lambda: "elsewhere")
    start(other)
    for job in stuck:
        state = ledger.wait_for(job)
        assert (state.result, state.failures, state.losses) == ("elsewhere", 0, 0)
    release.set()
    for job in long:
        ledger.wait_for(job)
    ledger.verify()


def test_higher_priority_goes_first_and_equal_ones_in_their_order(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    ran: list[int] = []

    @registry.handler("work")
    def work(params: dict[str, int]) -> None:
        ran.append(params["n"])

    jobs = [ledger.submit("work", {"n": n}, priority=priority) for n, priority in enumerate([0, 5, 0, 5, -1])]
    start(registry, threads=1)
    for job in jobs:
        ledger.wait_for(job)
    assert ran == [1, 3, 0, 2, 4]
    ledger.verify()


def test_a_processor_runs_only_what_it_serves(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("known")(lambda: None)
    start(registry, namespaces=("mine",))
    others = [ledger.submit("known"), ledger.submit("unknown", namespace="mine")]
    mine = ledger.submit("known", namespace="mine")
    assert ledger.wait_for(mine).status == "completed"
    assert [ledger.wait_for(job, "pending").status for job in others] == ["pending", "pending"]
    ledger.verify()


def test_both_kinds_of_handlers_run_side_by_side(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    async_began, plain_may_end = threading.Event(), threading.Event()

    @registry.handler("async")
    async def async_one() -> None:
        async_began.set()

    @registry.handler("plain")
    def plain_one(params: Any, job: JobContext) -> None:
        plain_may_end.wait(30)

    start(registry, threads=1)
    plain = ledger.submit("plain")
    ledger.wait_for(plain, "running")
    assert ledger.wait_for(ledger.submit("async")).status == "completed"
    plain_may_end.set()
    ledger.wait_for(plain)
    ledger.verify()
