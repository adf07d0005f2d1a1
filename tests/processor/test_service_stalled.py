"""A session that does not answer: its processor claims no more, and goes on over another connection (P4)."""

from __future__ import annotations

import os
import signal

import pytest
from in_process import Ledger, Start
from waiting import until

from processor import Registry

SESSION = """
    select a.pid from pg_stat_activity a
    where a.datname = current_database() and a.application_name = %(name)s
"""
STALLED = """
    select count(*) from pg_stat_activity a
    where a.datname = current_database() and a.application_name = 'jobledger recorder' and a.wait_event_type = 'Lock'
      and clock_timestamp() - a.query_start > interval '2.5 seconds'
"""


def session_of(ledger: Ledger, name: str) -> int:
    """The server's process behind the one session of this name. Signals go there, so it must exist."""
    [row] = ledger.owner.execute(SESSION, {"name": name}).fetchall()
    return int(row["pid"])


@pytest.mark.parametrize("role", ["recorder", "claimer"])
def test_p4_work_goes_on_while_a_session_is_frozen(ledger: Ledger, start: Start, role: str) -> None:
    registry = Registry()
    registry.handler("work")(lambda: "done")
    start(registry, poll_interval=1)
    ledger.wait_for(ledger.submit("work"))
    pid = session_of(ledger, f"jobledger {role}")
    os.kill(pid, signal.SIGSTOP)
    try:
        for job in [ledger.submit("work") for _ in range(5)]:
            state = ledger.wait_for(job)
            assert (state.result, state.losses) == ("done", 0)
    finally:
        os.kill(pid, signal.SIGCONT)
    ledger.verify()


def test_p4_a_lone_leader_whose_session_is_frozen_leads_over_another(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    registry.handler("work")(lambda: "done")
    start(registry, poll_interval=1)
    ledger.wait_for(ledger.submit("work"))
    pid = session_of(ledger, "jobledger leader")
    os.kill(pid, signal.SIGSTOP)
    try:
        state = ledger.wait_for(ledger.submit("work"))
        assert (state.result, state.losses) == ("done", 0)
    finally:
        os.kill(pid, signal.SIGCONT)
    ledger.verify()


def test_p4_a_processor_that_cannot_record_leaves_the_jobs_to_others(ledger: Ledger, start: Start) -> None:
    stalled, idle = Registry(), Registry()
    stalled.handler("work")(lambda: "by the stalled one")
    idle.handler("work")(lambda: "by the idle one")
    ledger.owner.execute(
        """
        create function hold() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock(7); return null; end $$;
        create trigger hold after insert on ledger.events for each row
            when (new.type = 'job.completed' and new.data::text like '%stalled%') execute function hold();
        """
    )
    first = ledger.submit("work", namespace="mine")
    blocker = ledger.database.connect()
    blocker.execute("select pg_advisory_lock(7)")
    start(stalled, namespaces=("default", "mine"))
    until(lambda: ledger.count(STALLED) > 0, "the recorder to have no answer")
    start(idle)
    for job in [ledger.submit("work") for _ in range(10)]:
        assert ledger.wait_for(job).result == "by the idle one"
    blocker.execute("select pg_advisory_unlock(7)")
    assert ledger.wait_for(first).result == "by the stalled one"
    ledger.verify()
