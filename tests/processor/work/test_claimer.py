"""What the claimer makes of claims, on a ledger in memory and without a service."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from in_process import QUICK
from worlds import Desk, MemoryWorld, Play, order_all, said

from ledger.errors import ServerUnreachable
from ledger.model.ids import new_id
from ledger.ports.store import ClaimRequest, Pass, Store
from processor import Registry
from processor.executors.executor import Executor
from processor.session.hints import Hints
from processor.session.liveness import Identity
from processor.settings import Settings
from processor.work.attempt import ActiveAttempt
from processor.work.cancels import CancelWatch
from processor.work.claimer import Claimer
from processor.work.lanes import Lane
from processor.work.recorder import Recorder

NOTHING_RUNS = cast("Executor", None)


class Setting:
    """A claimer of a registered processor, with one lane, in which nothing ever starts."""

    def __init__(self, store: Store, places: int = 3) -> None:
        registry = Registry()
        registry.handler("work")(lambda: None)
        identity = Identity(new_id(), lambda _: None)
        store.register(identity.processor, "test", 1, ["default"], ["work"])
        self.store = store
        self.hints = Hints()
        self.lane = Lane[ActiveAttempt](["work"], NOTHING_RUNS, limit=places)
        self.begun: list[ActiveAttempt] = []
        recorder = Recorder(store, identity.processor, QUICK, lambda _: None)
        self.cancels = CancelWatch(store, identity.processor, self.hints, 3600, {}, lambda _: None)
        self.claimer = Claimer(
            store, identity, registry, Settings(), [self.lane], recorder, self.cancels, self.hints, 3600,
            self.begun.extend,
        )  # fmt: skip

    def begun_jobs(self) -> list[str]:
        return [attempt.job.job_id for attempt in self.begun]


def run(scene: Callable[[Play, Store], Awaitable[None]]) -> None:
    play = Play(MemoryWorld())
    play.run(lambda store: scene(play, store))


async def never(_: ClaimRequest) -> Pass:
    raise AssertionError("no pass was to be made")


def test_what_a_pass_has_claimed_is_begun_and_the_pass_is_given_back() -> None:
    async def scene(play: Play, store: Store) -> None:
        jobs = [str(play.request()) for _ in range(2)]
        setting = Setting(store)
        made = await setting.claimer.claim_along(store.sequence_and_claim)
        assert made is not None
        assert (made.sequenced >= 2, made.new_work) == (True, True)
        assert setting.begun_jobs() == jobs
        assert {attempt.claim.open for attempt in setting.begun} == {2}
        assert not setting.lane.may_have_work, "it has taken less than it had room for"

    run(scene)


def test_a_full_claim_is_followed_by_another() -> None:
    async def scene(play: Play, store: Store) -> None:
        for _ in range(4):
            play.request()
        setting = Setting(store, places=3)
        setting.hints.claims.clear()
        await setting.claimer.claim_along(store.sequence_and_claim)
        assert len(setting.begun) == 3
        assert setting.lane.may_have_work
        assert setting.hints.claims.is_set()

    run(scene)


@pytest.mark.parametrize("why", ["no room", "stopping"])
def test_no_pass_is_made_where_nothing_can_be_claimed(why: str) -> None:
    async def scene(_: Play, store: Store) -> None:
        setting = Setting(store)
        if why == "no room":
            setting.lane.paused = True
        else:
            setting.claimer.stop()
        assert await setting.claimer.claim_along(never) is None

    run(scene)


def test_no_pass_is_made_while_another_claim_is_under_way() -> None:
    async def scene(_: Play, store: Store) -> None:
        setting = Setting(store)
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(request: ClaimRequest) -> Pass:
            asked.set()
            await answer.wait()
            return await store.sequence_and_claim(request)

        first = asyncio.create_task(setting.claimer.claim_along(slow))
        await asked.wait()
        assert await setting.claimer.claim_along(never) is None
        answer.set()
        assert await first is not None

    run(scene)


def test_p6_a_claim_whose_answer_was_lost_is_taken_up_and_once_only() -> None:
    async def scene(play: Play, store: Store) -> None:
        job = str(play.request())
        setting = Setting(store)

        async def broken(request: ClaimRequest) -> Pass:
            await store.sequence_and_claim(request)
            raise ServerUnreachable("the answer is lost")

        setting.hints.claims.clear()
        with pytest.raises(ServerUnreachable):
            await setting.claimer.claim_along(broken)
        assert setting.begun == []
        assert setting.hints.claims.is_set()
        for _ in range(2):
            await setting.claimer.take_up_unknown_claims()
            assert setting.begun_jobs() == [job]

    run(scene)


def test_a_cancel_that_was_heard_while_a_claim_was_under_way_is_looked_for_again() -> None:
    async def scene(play: Play, store: Store) -> None:
        play.request()
        setting = Setting(store)

        async def meanwhile(request: ClaimRequest) -> Pass:
            made = await store.sequence_and_claim(request)
            setting.cancels.looks += 1
            return made

        await setting.claimer.claim_along(meanwhile)
        assert setting.hints.cancels.is_set()

    run(scene)


def test_p6_a_later_attempt_has_the_steps_of_the_earlier_ones() -> None:
    async def scene(play: Play, store: Store) -> None:
        again = str(play.request())
        await order_all(store)
        desk = Desk(store)
        (first,) = await desk.claim()
        await desk.record(
            said(first, "step.completed", step="charge", result={"n": 7}),
            said(first, "attempt.deferred", until="2020-01-01T00:00:00Z"),
        )
        play.request()
        setting = Setting(store)
        await setting.claimer.claim_along(store.sequence_and_claim)
        steps = {attempt.job.job_id: dict(attempt.completed_steps) for attempt in setting.begun}
        assert len(steps) == 2
        assert steps.pop(again) == {"charge": '{"n":7}'}
        assert list(steps.values()) == [{}]

    run(scene)
