"""Who leads, and what becomes of a leader that does nothing, though its session is still there (P4, P9, P12)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from in_process import Ledger, Start
from ledger_calls import push_jobs
from serving import processor
from waiting import until

from ledger.model.ids import new_id
from processor import Registry

APP = ("--app", "drained_jobs:jobs", "--poll", "1")
LEADER = "select coalesce(max(pid), 0) from ledger.leader"
ALIVE = "select count(*) from ledger.processors where stopped_at is null and lost_at is null"
MINE = ("--namespace", "default", "--namespace", "mine")


@contextmanager
def leader_and_another(ledger: Ledger, folder: Path) -> Iterator[tuple[int, int]]:
    """The process ids of the leader, which alone serves the namespace ``mine``, and of an idle processor beside it."""
    dsn = ledger.database.dsn_as("worker")
    with processor(dsn, folder / "leader.log", *APP, *MINE) as leader:
        until(lambda: ledger.count(LEADER) == leader.pid, "the first one to lead")
        with processor(dsn, folder / "other.log", *APP) as other:
            until(lambda: ledger.count(ALIVE) == 2, "both to be there")
            assert ledger.count(LEADER) == leader.pid
            yield leader.pid, other.pid


def work_goes_on(ledger: Ledger, sign: Path) -> None:
    sign.touch()
    assert ledger.wait_for(ledger.submit("until-sign", {"path": str(sign)})).result == "saw the sign"


def another_takes_over(ledger: Ledger, other: int, sign: Path) -> None:
    """Work goes on, and the other one leads. The last statement of the old leader may still order a first job."""
    work_goes_on(ledger, sign)
    until(lambda: ledger.count(LEADER) == other, "the other one to lead")
    work_goes_on(ledger, sign)


def test_p4_work_goes_on_while_the_leader_is_frozen(ledger: Ledger, tmp_path: Path) -> None:
    with leader_and_another(ledger, tmp_path) as (leader, other):
        os.kill(leader, signal.SIGSTOP)
        try:
            another_takes_over(ledger, other, tmp_path / "sign")
        finally:
            os.kill(leader, signal.SIGCONT)
        log = tmp_path / "leader.log"
        until(lambda: "another processor has taken over" in log.read_text(), "it to notice that it leads no more")
        work_goes_on(ledger, tmp_path / "sign")
        assert ledger.count(LEADER) == other
    ledger.verify()


def test_p4_work_goes_on_while_a_handler_blocks_the_leaders_event_loop(ledger: Ledger, tmp_path: Path) -> None:
    with leader_and_another(ledger, tmp_path) as (_, other):
        ledger.wait_for(ledger.submit("blocks-the-loop", namespace="mine"), "running")
        another_takes_over(ledger, other, tmp_path / "sign")
        still = "select count(*) from ledger.processors where loop_still > interval '1 second' and lost_at is null"
        until(lambda: ledger.count(still) == 1, "its heartbeat to say that the loop does not move")


def test_p4_work_goes_on_where_a_child_of_the_killed_leader_keeps_its_sockets(ledger: Ledger, tmp_path: Path) -> None:
    with leader_and_another(ledger, tmp_path) as (leader, other):
        path = tmp_path / "child"
        ledger.submit("leaves-a-child", {"path": str(path)}, namespace="mine")
        until(lambda: path.exists() and bool(path.read_text()), "the child")
        child = int(path.read_text())
        try:
            os.kill(leader, signal.SIGKILL)
            another_takes_over(ledger, other, tmp_path / "sign")
        finally:
            os.kill(child, signal.SIGKILL)


def test_p4_work_goes_on_when_the_leader_is_killed(ledger: Ledger, tmp_path: Path) -> None:
    with leader_and_another(ledger, tmp_path) as (leader, other):
        os.kill(leader, signal.SIGKILL)
        another_takes_over(ledger, other, tmp_path / "sign")
    ledger.verify()


def test_a_leader_that_works_keeps_its_office(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("noop")(lambda: None)
    start(registry, poll_interval=60)
    until(lambda: ledger.count("select count(*) from ledger.leader") == 1, "one to lead")
    [first] = ledger.owner.execute("select holder, turn from ledger.leader").fetchall()
    start(registry, poll_interval=60)
    turns = "select turn from ledger.leader"
    until(lambda: ledger.count(turns) >= first["turn"] + 4, "more than a lease to pass")
    assert ledger.owner.execute("select holder from ledger.leader").fetchall() == [{"holder": first["holder"]}]


def test_of_two_who_stand_at_the_same_moment_one_leads(ledger: Ledger) -> None:
    """Both have seen the same term stand still; the second one looked before the first one was elected."""
    stand = "select * from ledger.stand_for_leader(%(id)s, 'test', 1, %(turn)s)"
    first, second = ledger.database.connect("worker"), ledger.database.connect("worker")
    seen = first.execute(stand, {"id": new_id(), "turn": None}).fetchone()
    assert seen == {"elected": True, "turn": 1}
    answers = []
    with first.transaction():
        answers.append(first.execute(stand, {"id": new_id(), "turn": 1}).fetchone())
        second_stands = Thread(
            target=lambda: answers.append(second.execute(stand, {"id": new_id(), "turn": 1}).fetchone())
        )
        second_stands.start()
        until(
            lambda: ledger.count("select count(*) from pg_locks where pid = %(pid)s and not granted",
                                 pid=second.info.backend_pid),
            "the second one to wait for the first",
        )  # fmt: skip
    second_stands.join(30)
    assert [answer["elected"] for answer in answers if answer] == [True, False]


def test_a_new_epoch_waits_for_open_writers_and_then_begins(
    ledger: Ledger, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """Each test's database is a copy, so that the first leader has to begin an epoch."""
    registry = Registry()
    registry.handler("noop")(lambda: "done")
    writer = ledger.database.connect("app_alice")
    with writer.transaction():
        (job,) = push_jobs(writer, 1)
        start(registry)
        until(lambda: "a new epoch of the ledger waits" in caplog.text, "the leader to say what it waits for")
        assert ledger.count("select max(life) from ledger.lives") == 1
    assert ledger.wait_for(job).result == "done"
    assert ledger.count("select max(life) from ledger.lives") == 2
    ledger.verify()


def test_p4_a_pass_that_fails_is_tried_again(ledger: Ledger, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    ledger.owner.execute(
        """
        create function refuse() returns trigger language plpgsql as $$
        begin
            raise exception 'no number for this one' using errcode = 'check_violation';
        end $$;
        create trigger refuse before insert on ledger.log for each row execute function refuse();
        """
    )
    registry = Registry()
    registry.handler("noop")(lambda: "done")
    service = start(registry, poll_interval=0.2)
    job = ledger.submit("noop")
    until(lambda: "the log cannot go on: no number for this one" in caplog.text, "the leader to say so")
    assert not service.ended
    ledger.owner.execute("drop trigger refuse on ledger.log")
    assert ledger.wait_for(job).result == "done"
    ledger.verify()
