"""What every ``Store`` does, whatever keeps the ledger: the port's contract, over each implementation."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from worlds import Desk, MemoryWorld, Play, PostgresWorld, comes, order_all, said

from ledger.model.ids import new_id
from ledger.ports.store import AttemptEvent, AttemptKey, Claimed, Hint, NotRegistered, Orphan, Silent, Store, TakenBack

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(params=["postgres", "memory"])
def play(request: pytest.FixtureRequest) -> Play:
    if request.param == "memory":
        return Play(MemoryWorld())
    return Play(PostgresWorld(request.getfixturevalue("database")))


def lose(orphan: Orphan) -> list[AttemptEvent]:
    """The job of a processor that is gone waits for its next attempt."""
    data = f'{{"attempt":{orphan.attempt},"processor":"{orphan.processor}","noticed_by":"x","retry_at":"{LONG_AGO}"}}'
    return [AttemptEvent(new_id.text(), orphan.job_id, str(orphan.attempt), "attempt.lost", LONG_AGO, data)]


def test_p5_no_attempt_is_granted_twice(play: Play) -> None:
    jobs = {str(play.request()) for _ in range(40)}

    async def scene(store: Store) -> None:
        await order_all(store)
        async with play.service() as other:
            mine, others = Desk(store), Desk(other)
            granted = await asyncio.gather(mine.claim(30), others.claim(30))
        ids = [job.job_id for claimed in granted for job in claimed]
        ids += [job.job_id for job in await mine.claim()]
        assert sorted(ids) == sorted(jobs)

    play.run(scene)


def test_the_best_jobs_come_first_and_only_what_was_asked_for(play: Play) -> None:
    low, first, second = play.request(priority=-1), play.request(), play.request()
    high = play.request(priority=5, limits={"max_attempts": 7, "timeout": 1.5}, params={"é": [1, None]})
    play.request(name="other")
    play.request(namespace="elsewhere")
    play.request(run_at="2100-01-01T00:00:00Z")

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        one = await desk.claim(1)
        assert [job.job_id for job in one + await desk.claim()] == [str(job) for job in (high, first, second, low)]
        assert one[0][1:8] == ("work", 1, 0, 0, 7, 1500, "app_alice")
        assert (datetime.now(UTC) - one[0].requested_at) < timedelta(hours=1)
        assert r'"params": {"\u00e9": [1, null]}' in one[0].request
        assert play.state(high).processor == desk.id

    play.run(scene)


def test_p4_what_is_recorded_is_what_the_job_comes_to(play: Play) -> None:
    done, failed, again = play.request(), play.request(), play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        one, two, three = await desk.claim()
        error = {"type": "ValueError", "message": "no", "retryable": True}
        late = await desk.record(
            said(one, "attempt.progressed", n=1, percent=50.0),
            said(one, "job.completed", result={"n": 1}),
            said(two, "attempt.failed", error=error, retry_at=None),
            said(two, "job.failed", attempts=1, error=error),
            said(three, "attempt.failed", error=error, retry_at=LONG_AGO),
        )
        assert late == set()
        (next_one,) = await desk.claim()
        assert (next_one.attempt, next_one.failures, next_one.losses) == (2, 1, 0)

    play.run(scene)
    assert (play.state(done).status, play.state(done).result) == ("completed", {"n": 1})
    assert play.state(failed).status == "failed"
    assert (play.state(again).status, play.state(again).attempt) == ("running", 2)


def test_p5_what_comes_too_late_is_kept_as_evidence_and_changes_nothing(play: Play) -> None:
    job_id = play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        (job,) = await desk.claim()
        assert await desk.record(said(job, "attempt.deferred", until=LONG_AGO)) == set()
        async with play.service() as store_of_other:
            other = Desk(store_of_other)
            (again,) = await other.claim()
            late = await desk.record(said(job, "job.completed", result="late"))
            assert late == {AttemptKey(str(job_id), 1)}
            assert play.state(job_id).processor == other.id
            assert await other.record(said(again, "job.completed", result="in time")) == set()

    play.run(scene)
    assert play.state(job_id).result == "in time"
    assert play.types(job_id).count("attempt.superseded") == 1


def test_p5_nobody_records_for_an_attempt_of_another_processor(play: Play) -> None:
    job_id = play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        (job,) = await Desk(store).claim()
        async with play.service() as other:
            assert await Desk(other).record(said(job, "job.completed")) == {AttemptKey(str(job_id), 1)}

    play.run(scene)
    assert play.state(job_id).status == "running"


def test_p2_sending_again_changes_nothing_and_is_not_late(play: Play) -> None:
    job_id = play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        (job,) = await desk.claim()
        events = [said(job, "attempt.progressed", n=1), said(job, "job.completed")]
        assert [await desk.record(*events) for _ in range(3)] == [set()] * 3

    play.run(scene)
    assert play.types(job_id) == ["job.requested", "attempt.started", "attempt.progressed", "job.completed"]


def test_p6_a_later_attempt_gets_the_steps_that_were_completed(play: Play) -> None:
    job_id, other = play.request(), play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        job, _ = await desk.claim()
        await desk.record(said(job, "step.completed", step="a", result=1), said(job, "step.completed", step="b"))
        assert await store.steps([str(other)]) == []
        steps = await store.steps([str(job_id)])
        assert [step.job_id for step in steps] == [str(job_id)] * 2
        assert ['"a"' in step.data for step in steps] == [True, False]

    play.run(scene)


def test_a_job_that_waits_is_cancelled_where_it_stands(play: Play) -> None:
    job_id, early, of_bob = play.request(), new_id(), new_id()
    for one in (job_id, early, of_bob):
        play.cancel(one)
    play.request(job_id=early)
    play.request(owner="app_bob", job_id=of_bob)  # which is not alice's to cancel

    async def scene(store: Store) -> None:
        await order_all(store)
        assert [job.job_id for job in await Desk(store).claim()] == [str(of_bob)]

    play.run(scene)
    for one in (job_id, early):
        assert play.state(one).status == "cancelled"
        assert play.types(one)[-1] == "job.cancelled"


def test_p9_a_running_job_that_was_cancelled_is_named_to_its_processor_and_ends_so_when_it_is_given_back(
    play: Play,
) -> None:
    job_id, other = play.request(), play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        job, _ = await desk.claim()
        assert await store.cancelled(desk.id, [str(job_id), str(other)]) == []
        play.cancel(job_id)
        await order_all(store)
        assert await store.cancelled(desk.id, [str(job_id), str(other)]) == [str(job_id)]
        assert await store.cancelled(new_id(), [str(job_id)]) == []
        await desk.record(said(job, "attempt.deferred", until=LONG_AGO))
        assert await desk.claim() == []

    play.run(scene)
    assert play.state(job_id).status == "cancelled"
    assert play.types(job_id)[-1] == "job.cancelled"


def test_p4_a_claim_whose_answer_was_lost_is_found(play: Play) -> None:
    play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        asked = desk.asks()
        jobs = await store.claim(asked)
        assert await store.unknown_claims(desk.id, [asked.claim]) == []
        assert await store.unknown_claims(desk.id, [new_id()]) == [(asked.claim, jobs)]
        await desk.record(said(jobs[0], "job.completed"))
        assert await store.unknown_claims(desk.id, []) == []
        await store.forget_claims(desk.id, [asked.claim])

    play.run(scene)


def test_p5_who_has_stopped_or_was_never_there_is_granted_nothing(play: Play) -> None:
    async def scene(store: Store) -> None:
        desk = Desk(store)
        store.stop(desk.id)
        with pytest.raises(NotRegistered):
            await desk.claim()
        play.request()
        made = await store.sequence_and_claim(desk.asks())
        assert (made.sequenced > 0, made.new_work, list(made.claimed or ())) == (True, True, [])
        assert store.beat(desk.id, 0, 0.0).beats is None

    play.run(scene)


def test_a_claim_along_with_a_pass_is_granted_what_the_pass_has_brought(play: Play) -> None:
    async def scene(store: Store) -> None:
        desk = Desk(store)
        await order_all(store)
        assert not (await store.sequence_and_claim(desk.asks())).claimed
        job_id = play.request()
        made = await store.sequence_and_claim(desk.asks())
        assert [job.job_id for job in made.claimed or ()] == [str(job_id)]
        assert (made.sequenced, made.more, made.new_work) == (1, False, True)

    play.run(scene)


@pytest.mark.parametrize("overdue", [False, True], ids=["its session has ended", "its lease is over"])
def test_p4_the_jobs_of_a_processor_that_is_gone_are_taken_back(play: Play, overdue: bool) -> None:
    jobs = [play.request(), play.request()]

    async def scene(store: Store) -> None:
        await order_all(store)
        async with play.service() as lost:
            desk = Desk(lost)
            beats = lost.beat(desk.id, 0, 0.0).beats
            assert beats is not None
            claimed = await desk.claim()
            if not overdue:
                lost.leave()
            assert (desk.id, beats) in (await store.heartbeats()).beats
            silent = [Silent(desk.id, beats, overdue=overdue)]
            # when its server has just been started, a free lock says nothing
            taken_back = await comes(lambda: store.rescue(silent, lose))
            assert taken_back == [TakenBack(desk.id, 2)]
            assert await store.heartbeats() == ([], False)
            assert lost.beat(desk.id, beats, 0.0).beats is None
            late = await desk.record(*(said(job, "job.completed") for job in claimed))
            assert late == {(job.job_id, 1) for job in claimed}
        assert [job.losses for job in await Desk(store).claim()] == [1, 1]

    play.run(scene)
    assert [play.state(job).losses for job in jobs] == [1, 1]


def test_p5_who_was_heard_or_whose_session_stands_is_not_given_up(play: Play) -> None:
    play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        async with play.service() as living:
            desk = Desk(living)
            await desk.claim()
            beats = living.beat(desk.id, 0, 0.0).beats
            assert beats is not None
            assert await store.rescue([Silent(desk.id, beats, overdue=False)], lose) == []
            assert await store.rescue([Silent(desk.id, beats - 1, overdue=True)], lose) == []
            assert living.beat(desk.id, beats, 0.0).beats == beats + 1

    play.run(scene)


def test_p4_what_one_that_has_stopped_left_running_is_taken_back(play: Play) -> None:
    play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        async with play.service() as other:
            desk = Desk(other)
            await desk.claim()
            assert not (await store.heartbeats()).left_behind
            other.stop(desk.id)
            assert (await store.heartbeats()).left_behind
            assert await store.rescue([], lose) == [TakenBack(desk.id, 1)]

    play.run(scene)


def test_p12_one_leads_for_as_long_as_it_renews_its_lease(play: Play) -> None:
    async def scene(store: Store) -> None:
        first, second = new_id(), new_id()
        elected = await store.stand(first, "test", 1, None)
        assert elected.elected
        async with play.service() as other:
            seen = await other.stand(second, "test", 2, None)
            assert (seen.elected, seen.renewals) == (False, elected.renewals)
            assert (await store.lead(first)).leads
            assert not (await other.stand(second, "test", 2, seen.renewals)).elected, "it was renewed meanwhile"
            silent = (await other.stand(second, "test", 2, None)).renewals
            assert (await other.stand(second, "test", 2, silent)).elected
            assert not (await store.lead(first)).leads
            assert (await other.lead(second)).leads

    play.run(scene)


def test_p4_a_leader_whose_session_has_ended_is_replaced(play: Play) -> None:
    async def scene(store: Store) -> None:
        async with play.service() as other:
            assert (await other.stand(new_id(), "test", 1, None)).elected

        async def elected() -> bool:
            return (await store.stand(new_id(), "test", 2, None)).elected

        await comes(elected)

    play.run(scene)


def test_p12_a_pass_says_how_much_it_has_put_in_order_and_the_log_has_no_gaps(play: Play) -> None:
    async def scene(store: Store) -> None:
        await order_all(store)
        leader = new_id()
        before = (await store.stand(leader, "test", 1, None)).end
        job_id = play.request()
        play.request(run_at="2100-01-01T00:00:00Z")
        made = await store.sequence()
        assert (made.sequenced, made.more, made.new_work, made.claimed) == (2, False, True, None)
        assert made.next_due is not None
        assert made.next_due > datetime.now(UTC)
        end = (await store.lead(leader)).end
        assert (end.epoch, end.last_seq) == (before.epoch, before.last_seq + 2)
        assert (await store.sequence()).sequenced == 0
        assert play.state(job_id).status == "pending"
        assert await store.ensure_epoch(end) is None
        assert (await store.lead(leader)).end == end, "the same epoch goes on"

    play.run(scene)


def test_p10_a_job_starts_when_its_time_has_come(play: Play) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    job_id = play.request(run_at=soon)

    async def scene(store: Store) -> None:
        made = await order_all(store)
        desk = Desk(store)
        if made.next_due is not None:  # the machine may have been slow
            assert made.next_due == datetime.fromisoformat(soon)

        async def released() -> list[Claimed]:
            await store.release()
            return await desk.claim()

        claimed = await comes(released)
        assert datetime.now(UTC) >= datetime.fromisoformat(soon)
        assert [job.job_id for job in claimed] == [str(job_id)]

    play.run(scene)


def test_p4_a_job_that_has_expired_fails_and_says_so(play: Play) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    job_id = play.request(limits={"expires_at": soon})

    async def scene(store: Store) -> None:
        await order_all(store)

        async def failed() -> bool:
            await store.release()
            return play.state(job_id).status == "failed"

        await comes(failed)
        assert datetime.now(UTC) >= datetime.fromisoformat(soon)
        assert await Desk(store).claim() == []

    play.run(scene)
    state = play.state(job_id)
    assert state.error is not None
    assert state.error.type == "Expired"


def test_p9_those_who_listen_are_notified(play: Play) -> None:
    async def scene(store: Store) -> None:
        heard: asyncio.Queue[Hint] = asyncio.Queue()

        async def hears(hint: Hint) -> None:
            async with asyncio.timeout(60):
                while await heard.get() is not hint:
                    pass

        async with play.service() as other:
            await order_all(other)
            hearing = asyncio.create_task(store.hear(heard.put_nowait))
            try:
                await hears(Hint.ANYTHING)
                job_id = play.request()
                await hears(Hint.EVENTS)
                await order_all(other)
                await hears(Hint.WORK)
                await Desk(other).claim()
                play.cancel(job_id)
                await order_all(other)
                await hears(Hint.CANCELS)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    play.run(scene)


def test_a_session_that_was_let_go_is_made_anew(play: Play) -> None:
    job_id = play.request()

    async def scene(store: Store) -> None:
        await order_all(store)
        desk = Desk(store)
        await store.disconnect()
        (job,) = await desk.claim()
        await store.disconnect()
        await store.connect()
        assert await desk.record(said(job, "job.completed")) == set()
        store.leave()
        assert store.beat(desk.id, 0, 0.0).beats is not None

    play.run(scene)
    assert play.state(job_id).status == "completed"
