"""Notifications are hints, and locks that anyone can take stop nobody (P4, P9)."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from doors import Draft, Worker, cancel, find_lost, push, push_jobs, sequence
from in_process import Ledger, RunningService
from psycopg import Connection
from psycopg.errors import LockNotAvailable, ObjectNotInPrerequisiteState
from psycopg.rows import DictRow
from security.besieged import ALICE, BOB, Besieged, value
from waiting import until

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Refused
from processor import JobContext, Registry
from processor.settings import Settings

CHANNELS = ["ledger_events", "ledger_feed", "ledger_work", "ledger_cancel"]
STAND = "select elected from ledger.stand_for_leader(gen_random_uuid(), 'test', 1)"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()

    @registry.handler("noop")
    def noop(job: JobContext) -> None:
        """Nothing to do."""

    return registry


def listening(besieged: Besieged) -> Connection[DictRow]:
    listener = besieged.database.connect(ALICE)
    for channel in CHANNELS:
        listener.execute(f"listen {channel}".encode())
    return listener


def heard(listener: Connection[DictRow]) -> list[tuple[str, str]]:
    """What it was told until now: the channel and the payload of each. A marker of its own comes last."""
    listener.execute("select pg_notify('ledger_work', 'marker')")
    notices = [(notice.channel, notice.payload) for notice in listener.notifies(timeout=0)]
    assert notices.pop() == ("ledger_work", "marker")
    return notices


def test_p9_payloads_are_empty_whatever_happens_to_a_job(besieged: Besieged) -> None:
    listener, bob = listening(besieged), besieged.database.connect(BOB)
    worker = Worker(besieged.database.connect("worker"))
    push(bob, new_id(), 0, [Draft(), Draft(), Draft(type="job.completed")])
    bob.execute("select ledger.submit('noop', '{\"card\": 1}')")
    sequence(besieged.owner)
    done, failed, running, *_ = worker.claim()
    worker.record((done, "attempt.progressed", {"n": 1, "percent": 5}), (done, "job.completed", {"result": 1}))
    worker.record((failed, "attempt.failed", {"error": {"type": "x"}, "retry_at": "2026-01-01T00:00:00Z"}))
    owned = value(besieged.owner, "select owner from ledger.jobs where job_id = %(id)s", id=running["job_id"])
    cancel(besieged.alice if owned == ALICE else bob, running["job_id"])
    sequence(besieged.owner)
    notices = heard(listener)
    assert {channel for channel, _ in notices} == set(CHANNELS)
    assert {payload for _, payload in notices} == {""}


def test_p9_only_one_function_notifies_and_says_nothing(besieged: Besieged) -> None:
    sources = besieged.owner.execute("""
        select p.proname as name, p.prosrc as source from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace and p.prosrc ~* 'notify'
    """).fetchall()
    assert [row["name"] for row in sources if "pg_notify(" in row["source"]] == ["hint"]
    assert [row["name"] for row in sources if re.search(r"\bnotify\s", row["source"], re.IGNORECASE)] == []
    assert "pg_notify(p_channel, '')" in next(row["source"] for row in sources if row["name"] == "hint")


def test_what_adds_no_event_announces_none(besieged: Besieged) -> None:
    due = Draft(data='{"name": "noop", "run_at": "2099-01-01T00:00:00Z"}')
    push(besieged.alice, besieged.alices_replica, 1, [due])
    worker = Worker(besieged.database.connect("worker"))
    (job,) = worker.claim(1)
    ids = [new_id()]
    worker.record((job, "job.completed", {}), ids=ids)
    sequence(besieged.owner)
    listener = listening(besieged)
    worker.record((job, "job.completed", {}), ids=ids)
    assert heard(listener) == [], "what is only sent again"
    push(besieged.alice, besieged.alices_replica, 1, [due])
    assert heard(listener) == [], "and likewise from a file"
    assert besieged.refused(Draft("job.completed"), Draft(data="{}")) == ["not_allowed", "invalid"]
    assert heard(listener) == [], "what is refused"
    besieged.owner.execute("update ledger.queue set run_at = now() where run_at is not null")
    sequence(besieged.owner)
    assert heard(listener) == [("ledger_work", "")], "a pass that only lets a job go"
    sequence(besieged.owner)
    assert heard(listener) == [], "a pass that finds nothing"


def test_a_cancel_of_no_job_that_is_here_stops_nothing_and_tells_nobody_to(besieged: Besieged) -> None:
    listener = listening(besieged)
    cancel(besieged.alice, new_id())
    sequence(besieged.owner)
    assert heard(listener) == [("ledger_events", ""), ("ledger_feed", "")]


def test_a_pass_with_one_event_announces_the_feed(besieged: Besieged) -> None:
    besieged.alice.execute("select ledger.submit('noop')")
    listener = listening(besieged)
    sequence(besieged.owner)
    assert heard(listener) == [("ledger_feed", ""), ("ledger_work", "")]


@pytest.mark.parametrize("payload", ["", "forged", '{"owner": "app_bob", "type": "job.completed"}', "x" * 7999])
def test_p9_a_forged_notification_harms_nothing(besieged: Besieged, registry: Registry, payload: str) -> None:
    service = RunningService(besieged.database.dsn_as("worker"), registry, Settings())
    try:
        for channel in CHANNELS * 20:
            besieged.alice.execute(
                "select pg_notify(%(channel)s, %(payload)s)", {"channel": channel, "payload": payload}
            )
        ledger = Ledger(besieged.database)
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
    finally:
        service.stop()
    besieged.assert_sound()


def test_p4_a_client_can_neither_lead_nor_keep_anybody_from_leading(besieged: Besieged, registry: Registry) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        besieged.alice.execute(STAND)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        besieged.alice.execute("select from ledger.leader for update")
    besieged.alice.execute("select pg_advisory_lock(1785686116, 0)")
    service = RunningService(besieged.database.dsn_as("worker"), registry, Settings())
    try:
        ledger = Ledger(besieged.database)
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
    finally:
        service.stop()


def test_p4_one_leads_while_its_session_lasts(besieged: Besieged) -> None:
    first, second = besieged.database.connect("worker"), besieged.database.connect("worker")
    assert value(first, STAND) is True
    assert value(second, STAND) is False
    first.close()
    until(lambda: value(second, STAND), "the end of the first one's session to be noticed")


def test_p4_holding_the_locks_of_processors_to_come_does_not_keep_them_out(besieged: Besieged) -> None:
    last = value(besieged.owner, "select coalesce(max(number), 0) from ledger.processors")
    besieged.alice.execute(
        "select pg_advisory_lock(1785686116, n) from generate_series(%(last)s + 1, %(last)s + 50) n", {"last": last}
    )
    worker = besieged.database.connect("worker")
    worker.execute("set lock_timeout = '5s'")
    Worker(worker)


def test_p4_taking_over_a_dead_processors_lock_does_not_hide_its_death(besieged: Besieged) -> None:
    """Alice waits for the lock of a living processor, and has it when that dies."""
    push_jobs(besieged.database.connect(ALICE), 1)
    sequence(besieged.owner)
    connection = besieged.database.connect("worker")
    worker = Worker(connection)
    (job,) = worker.claim(1)
    number = value(besieged.owner, "select number from ledger.processors where processor = %(id)s", id=worker.id)
    connection.close()
    besieged.alice.execute("select pg_advisory_lock(1785686116, %(number)s)", {"number": number})
    assert value(besieged.owner, "select count(*) from ledger.claims where processor = %(id)s", id=worker.id) == 1
    rescuer = besieged.database.connect("worker")
    lost = until(lambda: find_lost(rescuer), "the processor to be given up")
    assert [row["job_id"] for row in lost] == [job["job_id"]]
    assert value(
        besieged.owner, "select lost_at is not null from ledger.processors where processor = %(id)s", id=worker.id
    )


def test_a_living_processor_is_not_given_up_for_a_lock_that_it_holds(besieged: Besieged) -> None:
    worker = Worker(besieged.database.connect("worker"))
    find_lost(besieged.database.connect("worker"))
    assert value(besieged.owner, "select lost_at is null from ledger.processors where processor = %(id)s", id=worker.id)


def test_p12_a_push_that_is_never_committed_delays_nobody(besieged: Besieged) -> None:
    besieged.alice.execute("begin")
    push(besieged.alice, besieged.alices_replica, 1, [Draft()])
    bob = besieged.database.connect(BOB)
    bob.execute("set lock_timeout = '2s'")
    push_jobs(bob, 1)
    besieged.owner.execute("set lock_timeout = '2s'")
    assert sequence(besieged.owner) == 1


def test_p12_a_lock_of_alices_on_her_replica_holds_up_only_herself(besieged: Besieged) -> None:
    besieged.alice.execute("begin")
    push(besieged.alice, besieged.alices_replica, 1, [Draft()])
    again = besieged.database.connect(ALICE)
    again.execute("set lock_timeout = '100ms'")
    with pytest.raises(LockNotAvailable):
        push(again, besieged.alices_replica, 1, [Draft()])
    assert isinstance(push(again, new_id(), 0, [Draft()]), Accepted)


def test_p12_a_push_for_somebody_elses_replica_holds_up_nobody(besieged: Besieged) -> None:
    """Whatever Alice names in a transaction that she leaves open, Bob's next push does not wait for it."""
    besieged.alice.execute("begin")
    for base in (0, 2, 7):
        assert isinstance(push(besieged.alice, besieged.bobs_replica, base, [Draft()]), Refused)
    bob = besieged.database.connect(BOB)
    bob.execute("set lock_timeout = '2s'")
    assert isinstance(push(bob, besieged.bobs_replica, 2, [Draft()]), Accepted)


def test_p11_an_open_push_of_bobs_cannot_be_told_from_the_answer_to_alice(besieged: Besieged) -> None:
    bob = besieged.database.connect(BOB)
    bob.execute("begin")
    push(bob, besieged.bobs_replica, 2, [Draft()])
    besieged.alice.execute("set lock_timeout = '2s'")
    assert isinstance(besieged.push(besieged.bobs_replica, 2, Draft()), Refused)


def test_a_push_that_is_turned_away_keeps_no_lock(besieged: Besieged) -> None:
    """Nothing was written, so neither an open nor a prepared transaction may keep a new life from beginning."""
    besieged.alice.execute("begin")
    nobody: Any = None
    many = [Draft(data="{}")] * 5001
    assert isinstance(push(besieged.alice, nobody, 0, [Draft()]), Refused)
    assert isinstance(push(besieged.alice, new_id(), -1, [Draft()]), Refused)
    assert isinstance(push(besieged.alice, new_id(), 0, many), Refused)
    assert isinstance(push(besieged.alice, new_id(), 0, [Draft()], on_behalf_of="carol"), Refused)
    besieged.owner.execute("select ledger.begin_life('while it is open')")


def test_lives_begun_by_an_operator_are_few(besieged: Besieged) -> None:
    """Their numbers are finite: in a loop, an operator could leave none for the next restore."""
    operator = besieged.database.connect("operator")
    besieged.owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
    operator.execute("select ledger.begin_life('by hand')")
    with pytest.raises(ObjectNotInPrerequisiteState, match="within the last minute"):
        operator.execute("select ledger.begin_life('by hand')")
    besieged.owner.execute("select ledger.begin_life('a restore')")
    besieged.owner.execute("""
        update ledger.lives set began_at = began_at - interval '1 hour';
        insert into ledger.lives select 31001, epoch, system_identifier, timeline, database_oid, began_at, reason
        from ledger.lives where life = 1
    """)
    with pytest.raises(ObjectNotInPrerequisiteState, match="too many"):
        operator.execute("select ledger.begin_life('by hand')")
    besieged.owner.execute("select ledger.begin_life('a restore')")


def test_lives_begun_by_a_processor_with_a_false_memory_are_few(besieged: Besieged) -> None:
    """What it has seen in the log, nobody can check; what a restore shows by itself needs nobody's word."""
    worker = besieged.database.connect("worker")
    false_memory = """
        select ledger.ensure_life(l.epoch, 1, gen_random_uuid())
        from ledger.lives l where l.life = ledger.current_life()
    """
    lives = "select count(*) from ledger.lives"
    sequence(besieged.owner)
    older = "update ledger.lives set began_at = began_at - interval '1 hour'"
    besieged.owner.execute(older)
    before = value(besieged.owner, lives)
    worker.execute(false_memory)
    with pytest.raises(ObjectNotInPrerequisiteState, match="within the last minute"):
        worker.execute(false_memory)
    assert value(besieged.owner, lives) == before + 1
    besieged.owner.execute(older)
    besieged.owner.execute("""
        insert into ledger.lives select 31001, epoch, system_identifier, timeline, database_oid, began_at, reason
        from ledger.lives where life = ledger.current_life()
    """)
    with pytest.raises(ObjectNotInPrerequisiteState, match="too many"):
        worker.execute(false_memory)
    besieged.owner.execute("update ledger.lives set timeline = timeline + 1")
    worker.execute("select ledger.ensure_life()")
    assert value(besieged.owner, lives) == before + 3


def test_a_life_that_an_operator_begins_and_forgets_to_commit_ends_by_itself(besieged: Besieged) -> None:
    """All who write wait for its transaction. How long an idle one stays is then for the server to watch over."""
    besieged.owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
    operator = besieged.database.connect("operator")
    operator.execute("begin; select ledger.begin_life('forgotten')")
    assert value(operator, "show idle_in_transaction_session_timeout") == "5s"
    assert value(operator, "show statement_timeout") == "1min"
    operator.execute("rollback")
    assert value(operator, "show idle_in_transaction_session_timeout") == "0"


def test_a_client_ends_only_its_own_sessions(besieged: Besieged) -> None:
    pid = value(besieged.database.connect(BOB), "select pg_backend_pid()")
    for call in ("pg_terminate_backend", "pg_cancel_backend"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            besieged.alice.execute(f"select {call}(%(pid)s)".encode(), {"pid": pid})
