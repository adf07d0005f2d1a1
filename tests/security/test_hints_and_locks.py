"""Notifications are hints, and locks that anyone can take stop nobody (P4, P9)."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from in_process import Ledger, RunningService
from ledger_calls import Draft, Worker, cancel, find_lost, push, push_jobs, sequence
from psycopg import Connection
from psycopg.errors import LockNotAvailable, ObjectNotInPrerequisiteState
from psycopg.rows import DictRow
from security.attacked_ledger import ALICE, BOB, AttackedLedger, value
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


def listening(attacked: AttackedLedger) -> Connection[DictRow]:
    listener = attacked.database.connect(ALICE)
    for channel in CHANNELS:
        listener.execute(f"listen {channel}".encode())
    return listener


def heard(listener: Connection[DictRow]) -> list[tuple[str, str]]:
    """The notifications it received until now: the channel and the payload of each. A marker of its own comes last."""
    listener.execute("select pg_notify('ledger_work', 'marker')")
    notices = [(notice.channel, notice.payload) for notice in listener.notifies(timeout=0)]
    assert notices.pop() == ("ledger_work", "marker")
    return notices


def test_p9_payloads_are_empty_whatever_happens_to_a_job(attacked: AttackedLedger) -> None:
    listener, bob = listening(attacked), attacked.database.connect(BOB)
    worker = Worker(attacked.database.connect("worker"))
    push(bob, new_id(), 0, [Draft(), Draft(), Draft(type="job.completed")])
    bob.execute("select ledger.submit('noop', '{\"card\": 1}')")
    sequence(attacked.owner)
    done, failed, running, *_ = worker.claim()
    worker.record((done, "attempt.progressed", {"n": 1, "percent": 5}), (done, "job.completed", {"result": 1}))
    worker.record((failed, "attempt.failed", {"error": {"type": "x"}, "retry_at": "2026-01-01T00:00:00Z"}))
    owned = value(attacked.owner, "select owner from ledger.jobs where job_id = %(id)s", id=running["job_id"])
    cancel(attacked.alice if owned == ALICE else bob, running["job_id"])
    sequence(attacked.owner)
    notices = heard(listener)
    assert {channel for channel, _ in notices} == set(CHANNELS)
    assert {payload for _, payload in notices} == {""}


def test_p9_only_one_function_notifies_and_says_nothing(attacked: AttackedLedger) -> None:
    sources = attacked.owner.execute("""
        select p.proname as name, p.prosrc as source from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace and p.prosrc ~* 'notify'
    """).fetchall()
    assert [row["name"] for row in sources if "pg_notify(" in row["source"]] == ["hint"]
    assert [row["name"] for row in sources if re.search(r"\bnotify\s", row["source"], re.IGNORECASE)] == []
    assert "pg_notify(p_channel, '')" in next(row["source"] for row in sources if row["name"] == "hint")


def test_what_adds_no_event_announces_none(attacked: AttackedLedger) -> None:
    due = Draft(data='{"name": "noop", "run_at": "2099-01-01T00:00:00Z"}')
    push(attacked.alice, attacked.alices_replica, 1, [due])
    worker = Worker(attacked.database.connect("worker"))
    (job,) = worker.claim(1)
    ids = [new_id()]
    worker.record((job, "job.completed", {}), ids=ids)
    sequence(attacked.owner)
    listener = listening(attacked)
    worker.record((job, "job.completed", {}), ids=ids)
    assert heard(listener) == [], "what is only sent again"
    push(attacked.alice, attacked.alices_replica, 1, [due])
    assert heard(listener) == [], "and likewise from a file"
    assert attacked.refused(Draft("job.completed"), Draft(data="{}")) == ["not_allowed", "invalid"]
    assert heard(listener) == [], "what is refused"
    attacked.owner.execute("update ledger.queue set run_at = now() where run_at is not null")
    sequence(attacked.owner)
    assert heard(listener) == [("ledger_work", "")], "a pass that only lets a job go"
    sequence(attacked.owner)
    assert heard(listener) == [], "a pass that finds nothing"


def test_a_cancel_of_no_job_that_is_here_stops_nothing_and_asks_nobody_to_stop(attacked: AttackedLedger) -> None:
    listener = listening(attacked)
    cancel(attacked.alice, new_id())
    sequence(attacked.owner)
    assert heard(listener) == [("ledger_events", ""), ("ledger_feed", "")]


def test_a_pass_with_one_event_announces_the_feed(attacked: AttackedLedger) -> None:
    attacked.alice.execute("select ledger.submit('noop')")
    listener = listening(attacked)
    sequence(attacked.owner)
    assert heard(listener) == [("ledger_feed", ""), ("ledger_work", "")]


@pytest.mark.parametrize("payload", ["", "forged", '{"owner": "app_bob", "type": "job.completed"}', "x" * 7999])
def test_p9_a_forged_notification_harms_nothing(attacked: AttackedLedger, registry: Registry, payload: str) -> None:
    service = RunningService(attacked.database.dsn_as("worker"), registry, Settings())
    try:
        for channel in CHANNELS * 20:
            attacked.alice.execute(
                "select pg_notify(%(channel)s, %(payload)s)", {"channel": channel, "payload": payload}
            )
        ledger = Ledger(attacked.database)
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
    finally:
        service.stop()
    attacked.assert_sound()


def test_p4_a_client_can_neither_lead_nor_keep_anybody_from_leading(
    attacked: AttackedLedger, registry: Registry
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacked.alice.execute(STAND)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attacked.alice.execute("select from ledger.leader for update")
    attacked.alice.execute("select pg_advisory_lock(1785686116, 0)")
    service = RunningService(attacked.database.dsn_as("worker"), registry, Settings())
    try:
        ledger = Ledger(attacked.database)
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
    finally:
        service.stop()


def test_p4_one_leads_while_its_session_lasts(attacked: AttackedLedger) -> None:
    first, second = attacked.database.connect("worker"), attacked.database.connect("worker")
    assert value(first, STAND) is True
    assert value(second, STAND) is False
    first.close()
    until(lambda: value(second, STAND), "the end of the first one's session to be noticed")


def test_p4_holding_the_locks_of_processors_to_come_does_not_keep_them_out(attacked: AttackedLedger) -> None:
    last = value(attacked.owner, "select coalesce(max(number), 0) from ledger.processors")
    attacked.alice.execute(
        "select pg_advisory_lock(1785686116, n) from generate_series(%(last)s + 1, %(last)s + 50) n", {"last": last}
    )
    worker = attacked.database.connect("worker")
    worker.execute("set lock_timeout = '5s'")
    Worker(worker)


def test_p4_taking_over_a_dead_processors_lock_does_not_hide_its_death(attacked: AttackedLedger) -> None:
    """Alice waits for the lock of a living processor, and has it when that dies."""
    push_jobs(attacked.database.connect(ALICE), 1)
    sequence(attacked.owner)
    connection = attacked.database.connect("worker")
    worker = Worker(connection)
    (job,) = worker.claim(1)
    number = value(attacked.owner, "select number from ledger.processors where processor = %(id)s", id=worker.id)
    connection.close()
    attacked.alice.execute("select pg_advisory_lock(1785686116, %(number)s)", {"number": number})
    assert value(attacked.owner, "select count(*) from ledger.claims where processor = %(id)s", id=worker.id) == 1
    rescuer = attacked.database.connect("worker")
    lost = until(lambda: find_lost(rescuer), "the processor to be given up")
    assert [row["job_id"] for row in lost] == [job["job_id"]]
    assert value(
        attacked.owner, "select lost_at is not null from ledger.processors where processor = %(id)s", id=worker.id
    )


def test_a_living_processor_is_not_given_up_for_a_lock_that_it_holds(attacked: AttackedLedger) -> None:
    worker = Worker(attacked.database.connect("worker"))
    find_lost(attacked.database.connect("worker"))
    assert value(attacked.owner, "select lost_at is null from ledger.processors where processor = %(id)s", id=worker.id)


def test_p12_a_push_that_is_never_committed_delays_nobody(attacked: AttackedLedger) -> None:
    attacked.alice.execute("begin")
    push(attacked.alice, attacked.alices_replica, 1, [Draft()])
    bob = attacked.database.connect(BOB)
    bob.execute("set lock_timeout = '2s'")
    push_jobs(bob, 1)
    attacked.owner.execute("set lock_timeout = '2s'")
    assert sequence(attacked.owner) == 1


def test_p12_a_lock_of_alices_on_her_replica_holds_up_only_herself(attacked: AttackedLedger) -> None:
    attacked.alice.execute("begin")
    push(attacked.alice, attacked.alices_replica, 1, [Draft()])
    again = attacked.database.connect(ALICE)
    again.execute("set lock_timeout = '100ms'")
    with pytest.raises(LockNotAvailable):
        push(again, attacked.alices_replica, 1, [Draft()])
    assert isinstance(push(again, new_id(), 0, [Draft()]), Accepted)


def test_p12_a_push_for_somebody_elses_replica_holds_up_nobody(attacked: AttackedLedger) -> None:
    """Whatever Alice names in a transaction that she leaves open, Bob's next push does not wait for it."""
    attacked.alice.execute("begin")
    for base in (0, 2, 7):
        assert isinstance(push(attacked.alice, attacked.bobs_replica, base, [Draft()]), Refused)
    bob = attacked.database.connect(BOB)
    bob.execute("set lock_timeout = '2s'")
    assert isinstance(push(bob, attacked.bobs_replica, 2, [Draft()]), Accepted)


def test_p11_an_open_push_of_bobs_looks_like_the_answer_to_alice(attacked: AttackedLedger) -> None:
    bob = attacked.database.connect(BOB)
    bob.execute("begin")
    push(bob, attacked.bobs_replica, 2, [Draft()])
    attacked.alice.execute("set lock_timeout = '2s'")
    assert isinstance(attacked.push(attacked.bobs_replica, 2, Draft()), Refused)


def test_a_push_that_is_refused_keeps_no_lock(attacked: AttackedLedger) -> None:
    """Nothing was written, so neither an open nor a prepared transaction may keep a new epoch from beginning."""
    attacked.alice.execute("begin")
    nobody: Any = None
    many = [Draft(data="{}")] * 5001
    assert isinstance(push(attacked.alice, nobody, 0, [Draft()]), Refused)
    assert isinstance(push(attacked.alice, new_id(), -1, [Draft()]), Refused)
    assert isinstance(push(attacked.alice, new_id(), 0, many), Refused)
    assert isinstance(push(attacked.alice, new_id(), 0, [Draft()], on_behalf_of="carol"), Refused)
    attacked.owner.execute("select ledger.begin_epoch('while it is open')")


def test_epochs_begun_by_an_operator_are_few(attacked: AttackedLedger) -> None:
    """Their numbers are finite: in a loop, an operator could leave none for the next restore."""
    operator = attacked.database.connect("operator")
    attacked.owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
    operator.execute("select ledger.begin_epoch('by hand')")
    with pytest.raises(ObjectNotInPrerequisiteState, match="within the last minute"):
        operator.execute("select ledger.begin_epoch('by hand')")
    attacked.owner.execute("select ledger.begin_epoch('a restore')")
    attacked.owner.execute("""
        update ledger.lives set began_at = began_at - interval '1 hour';
        insert into ledger.lives select 31001, epoch, system_identifier, timeline, database_oid, began_at, reason
        from ledger.lives where life = 1
    """)
    with pytest.raises(ObjectNotInPrerequisiteState, match="too many"):
        operator.execute("select ledger.begin_epoch('by hand')")
    attacked.owner.execute("select ledger.begin_epoch('a restore')")


def test_epochs_begun_by_a_processor_with_a_false_memory_are_few(attacked: AttackedLedger) -> None:
    """What it has seen in the log, nobody can check; what a restore shows by itself needs nobody's word."""
    worker = attacked.database.connect("worker")
    false_memory = """
        select ledger.ensure_epoch(l.epoch, 1, gen_random_uuid())
        from ledger.lives l where l.life = ledger.current_epoch()
    """
    lives = "select count(*) from ledger.lives"
    sequence(attacked.owner)
    older = "update ledger.lives set began_at = began_at - interval '1 hour'"
    attacked.owner.execute(older)
    before = value(attacked.owner, lives)
    worker.execute(false_memory)
    with pytest.raises(ObjectNotInPrerequisiteState, match="within the last minute"):
        worker.execute(false_memory)
    assert value(attacked.owner, lives) == before + 1
    attacked.owner.execute(older)
    attacked.owner.execute("""
        insert into ledger.lives select 31001, epoch, system_identifier, timeline, database_oid, began_at, reason
        from ledger.lives where life = ledger.current_epoch()
    """)
    with pytest.raises(ObjectNotInPrerequisiteState, match="too many"):
        worker.execute(false_memory)
    attacked.owner.execute("update ledger.lives set timeline = timeline + 1")
    worker.execute("select ledger.ensure_epoch()")
    assert value(attacked.owner, lives) == before + 3


def test_an_epoch_that_an_operator_begins_and_forgets_to_commit_ends_by_itself(attacked: AttackedLedger) -> None:
    """All who write wait for its transaction. How long an idle one stays is then for the server to watch over."""
    attacked.owner.execute("update ledger.lives set began_at = began_at - interval '1 hour'")
    operator = attacked.database.connect("operator")
    operator.execute("begin; select ledger.begin_epoch('forgotten')")
    assert value(operator, "show idle_in_transaction_session_timeout") == "5s"
    assert value(operator, "show statement_timeout") == "1min"
    operator.execute("rollback")
    assert value(operator, "show idle_in_transaction_session_timeout") == "0"


def test_a_client_ends_only_its_own_sessions(attacked: AttackedLedger) -> None:
    pid = value(attacked.database.connect(BOB), "select pg_backend_pid()")
    for call in ("pg_terminate_backend", "pg_cancel_backend"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attacked.alice.execute(f"select {call}(%(pid)s)".encode(), {"pid": pid})
