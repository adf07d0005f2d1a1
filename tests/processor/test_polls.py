"""NOTIFY is a hint: with every one lost, work is found by the next look, and looks are never more than a poll apart."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from in_process import Ledger, Start
from ledger_calls import lose_notifications
from waiting import until

from processor import JobContext, Registry, service
from processor.leader import leader, order
from processor.session import hints
from processor.work import claimer

JOBS = 20
POLL_S = 0.4
REGISTERED = "select count(*) from ledger.processors"


class Wait(NamedTuple):
    """One wait for a hint: how long it was to last at most, when it began and ended, and whether there was a hint."""

    event: asyncio.Event
    timeout_s: float
    began: float
    ended: float
    hinted: bool


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[Wait]:
    """Every wait for a hint that the claimer and the leader make."""
    seen: list[Wait] = []

    async def wait_for_hint(event: asyncio.Event, timeout_s: float) -> bool:
        now = asyncio.get_running_loop().time
        began = now()
        hinted = await hints.wait_for_hint(event, timeout_s)
        seen.append(Wait(event, timeout_s, began, now(), hinted))
        return hinted

    for module in (claimer, leader):
        monkeypatch.setattr(module, "wait_for_hint", wait_for_hint)
    return seen


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with every look of the leader."""
    made: list[None] = []
    run = order.Order.run

    async def counted(self: order.Order) -> None:
        made.append(None)
        await run(self)

    monkeypatch.setattr(order.Order, "run", counted)
    return made


def test_p9_with_every_notification_lost_work_is_found_by_the_next_look(
    ledger: Ledger, start: Start, waits: list[Wait], passes: list[None]
) -> None:
    lose_notifications(ledger.owner)
    registry = Registry()
    looks_when_it_ran: list[int] = []

    @registry.handler("work")
    def work(params: Any, job: JobContext) -> str:
        if job.attempt == 1 and not looks_when_it_ran:
            looks_when_it_ran.append(len(passes))
            raise ConnectionError
        if job.attempt == 1:
            looks_when_it_ran.append(len(passes))
        return "done"

    start(registry, poll_interval=POLL_S)
    until(lambda: ledger.count(REGISTERED) == 1, "the processor to register")
    for n in range(JOBS):
        job = ledger.submit("work")
        looks_before = len(passes)
        assert ledger.wait_for(job).result == "done"
        assert looks_when_it_ran[n] <= looks_before + 1, "the first look that began after it was there has found it"
    # the leader's look and the claimer's come one after the other: together they take one interval at most
    assert max(wait.timeout_s for wait in waits) <= POLL_S / 2
    ledger.verify()


def test_p9_hints_of_room_do_not_put_the_poll_off(
    ledger: Ledger, start: Start, waits: list[Wait], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy processor hears all the time that one of its jobs has ended, which says nothing of new work."""
    of_the_service = hints.Hints()
    monkeypatch.setattr(service, "Hints", lambda: of_the_service)
    registry = Registry()
    registry.handler("work")(lambda: None)
    start(registry, poll_interval=POLL_S, threads=1, batch=1)
    for job in [ledger.submit("work") for _ in range(JOBS)]:
        ledger.wait_for(job)
    of_claimer = [wait for wait in waits if wait.event is of_the_service.claims]
    put_off = []
    for before, one, following in zip(of_claimer, of_claimer[1:], of_claimer[2:], strict=False):
        # When the claimer reckoned how long to wait lies between the end of one wait and the beginning of the next.
        if one.hinted and following.began < before.ended + one.timeout_s:
            put_off.append(one.ended + following.timeout_s > one.began + one.timeout_s)
    assert put_off
    assert not any(put_off)
    ledger.verify()
