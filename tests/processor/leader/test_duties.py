"""A duty that fails is put off and seen, and stops no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from in_process import Ledger, Start
from psycopg.errors import FeatureNotSupported
from waiting import until
from worlds import MemoryWorld

from jobledger.admin.doctor import examine_server
from ledger.memory.store import MemoryStore
from ledger.model.ids import new_id
from ledger.ports.store import BrokenOff, Interrupted, NotAllowed
from processor import Registry
from processor.leader.duties import PAUSE_S, Duties
from processor.leader.duty import FIRST_WAIT_S, LONGEST_WAIT_S, Duty
from processor.session.clock import ServerClock

REFUSE = """
    create function refuse() returns trigger language plpgsql as $$
    begin
        raise exception 'not now' using errcode = '{code}';
    end $$;
    create trigger refuse before update on ledger.queue for each row execute function refuse();
"""


class Often(Duty):
    """Wants to run all the time, and raises a given error."""

    name: ClassVar = "often"
    trouble: ClassVar = "nothing is done often"

    def __init__(self, monotonic: Callable[[], float]) -> None:
        super().__init__(monotonic)
        self.runs = 0
        self.error: BaseException | None = None

    def due_in_s(self) -> float:
        return 0.0

    async def run(self) -> None:
        self.runs += 1
        if self.error is not None:
            raise self.error


class Scene:
    """Two duties of a leader, and a clock for what they wait."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.ledger = MemoryWorld().ledger
        self.store = MemoryStore(self.ledger)
        self.bad, self.good = Often(lambda: self.now_s), Often(lambda: self.now_s)
        leader = new_id()
        asyncio.run(self.store.join_election())
        assert asyncio.run(self.store.stand(leader, "test", 1, None)).elected
        self.duties = Duties(self.store, leader, ServerClock(), (self.bad, self.good))

    def go(self, seconds: float = 0.0) -> None:
        self.now_s += seconds
        asyncio.run(self.duties.do_what_is_due())


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_duty_that_fails_waits_twice_as_long_each_time_and_the_others_go_on(scene: Scene) -> None:
    scene.bad.error = RuntimeError("broken")
    scene.go()
    waits = []
    for _ in range(10):
        waits.append(scene.bad.starts_in_s())
        assert scene.duties.next_in_s() == 0, "the other one is due"
        before = scene.bad.runs
        scene.go(waits[-1] / 2)
        assert scene.bad.runs == before
        scene.go(waits[-1] / 2)
        assert scene.bad.runs == before + 1
    assert waits == [min(FIRST_WAIT_S * 2**n, LONGEST_WAIT_S) for n in range(10)]
    assert scene.good.runs == 21


def test_its_failure_is_logged_and_kept_until_it_goes_well(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.bad.error = FeatureNotSupported("no such\nthing")
    scene.go()
    assert "nothing is done often: no such thing" in caplog.text
    scene.go(LONGEST_WAIT_S)
    assert scene.ledger.leader is not None
    [(name, trouble, times, since, error)] = scene.ledger.leader.failing
    assert (name, trouble, times, error) == ("often", "nothing is done often", 2, "no such")
    assert timedelta() <= datetime.now(UTC) - since < timedelta(hours=1)
    scene.bad.error = None
    with caplog.at_level(logging.INFO):
        scene.go(LONGEST_WAIT_S)
    assert "the leader's duty 'often' goes on" in caplog.text
    assert scene.ledger.leader.failing == ()
    assert scene.bad.starts_in_s() == 0


@pytest.mark.parametrize("error", [Interrupted("gone"), NotAllowed("no"), asyncio.CancelledError()])
def test_trouble_with_the_session_is_no_failure_of_a_duty(scene: Scene, error: BaseException) -> None:
    scene.bad.error = error
    with pytest.raises(type(error)):
        scene.go()
    assert scene.bad.failing is None
    assert scene.good.runs == 0


def test_a_duty_that_was_broken_off_is_tried_again_soon_in_the_same_session(scene: Scene) -> None:
    """A statement that was cancelled from outside says nothing about the duty, and the session is as good as before."""
    scene.bad.error = BrokenOff("canceling statement due to user request")
    for n in range(1, 10):
        scene.go(PAUSE_S)
        assert scene.bad.runs == scene.good.runs == n
        assert scene.bad.starts_in_s() == pytest.approx(PAUSE_S)
    assert scene.bad.failing is None


@pytest.mark.parametrize("code", ["check_violation", "feature_not_supported"])
def test_p4_when_due_jobs_cannot_be_released_the_others_run_and_doctor_says_so(
    ledger: Ledger, start: Start, code: str
) -> None:
    """Neither ordering nor rescuing waits for it; and when the reason is gone, it goes on by itself."""
    registry = Registry()
    registry.handler("noop")(lambda: "done")
    service = start(registry, poll_interval=0.5)
    assert ledger.wait_for(ledger.submit("noop")).result == "done"
    ledger.owner.execute(REFUSE.format(code=code).encode())
    late = ledger.submit("noop", run_at=(datetime.now(UTC) + timedelta(seconds=0.2)).isoformat())

    def found() -> str | None:
        said = [finding for finding in examine_server(ledger.owner) if finding.check == "duties"]
        return next((finding.message for finding in said if finding.level == "fail"), None)

    message = until(found, "doctor to see it")
    assert message.startswith("jobs that are due do not start, and do not expire: failed ")
    assert message.endswith(": not now")
    assert ledger.wait_for(ledger.submit("noop")).result == "done"
    assert ledger.state(late).status == "pending"
    assert not service.ended
    ledger.owner.execute("drop trigger refuse on ledger.queue")
    assert ledger.wait_for(late).result == "done"
    until(lambda: found() is None, "doctor to see that it goes on")
    ledger.verify()


def test_p4_when_events_cannot_be_ordered_due_jobs_still_start(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("noop")(lambda: "done")
    late = ledger.submit("noop", run_at=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())
    start(registry, poll_interval=0.5)
    ledger.wait_for(late, "pending")
    ledger.owner.execute(
        REFUSE.format(code="feature_not_supported").replace("update on ledger.queue", "insert on ledger.log")
    )
    ledger.submit("noop")
    until(lambda: (row := ledger.row(late)) is not None and row["status"] == "completed", "the one that is due to end")
    ledger.owner.execute("drop trigger refuse on ledger.log")
    ledger.verify()
