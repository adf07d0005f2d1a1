"""The cluster's queue of notifications is full: one session listens, stays in a transaction, and someone notifies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from databases import Database, new_template, throwaway_postgres
from in_process import Ledger, Start
from ledger_calls import push_jobs
from waiting import until

from client_sync import JobClient
from jobledger.admin.doctor import examine_server
from ledger.postgres.database import is_transient
from ledger.postgres.store.errors import is_about_data
from processor import Registry

USAGE = "select 100 * pg_notification_queue_usage()"


@pytest.fixture(scope="module")
def postgres_dsn() -> Iterator[str]:
    """A server of its own, with the smallest queue that Postgres has: half a megabyte."""
    with throwaway_postgres({"max_notify_queue_pages": "64"}) as server:
        yield server.dsn()


@pytest.fixture(scope="module")
def template(postgres_dsn: str) -> Iterator[str]:
    with new_template(postgres_dsn) as name:
        yield name


@pytest.fixture
def fill(database: Database) -> Iterator[Callable[[], psycopg.Connection]]:
    """Fill the queue to the brim; who keeps it full is given, and lets go when it is closed."""
    opened: list[psycopg.Connection] = []

    def fill() -> psycopg.Connection:
        listener = psycopg.connect(database.dsn_as("app_bob"))
        opened.append(listener)
        listener.execute("listen anything")
        listener.commit()
        listener.execute("select 1")
        bob = database.connect("app_bob")
        with suppress(psycopg.errors.ProgramLimitExceeded):
            for n in count():
                bob.execute("select pg_notify('anything', %(n)s || repeat('x', 3000))", {"n": f"{n:06}"})
        return listener

    yield fill
    for connection in opened:
        connection.close()


def test_p9_with_the_queue_full_the_whole_path_goes_on(
    ledger: Ledger, start: Start, fill: Callable[[], psycopg.Connection], tmp_path: Path
) -> None:
    registry = Registry()
    registry.handler("work")(lambda: "done")
    start(registry, poll_interval=0.2)
    culprit = fill()
    pushed = push_jobs(ledger.client, 1)
    with JobClient(tmp_path / "app.db", ledger.database.dsn_as("app_alice")) as client:
        job = client.submit("work")
        assert client.sync().pushed == 1
        for job_id in (ledger.submit("work"), job.id):
            assert ledger.wait_for(job_id).status == "completed"
        until(lambda: client.sync().pulled > 0 and client.get(job.id).status == "completed", "the result")
    assert ledger.wait_for(pushed[0], "pending").attempt == 0
    assert ledger.count(USAGE) > 90, "it is still full"
    culprit.close()
    ledger.verify()


def test_p4_a_commit_that_the_full_queue_refuses_is_made_again_and_is_no_jobs_error(
    ledger: Ledger, start: Start, fill: Callable[[], psycopg.Connection], caplog: pytest.LogCaptureFixture
) -> None:
    """As a trigger of someone else's notifies as well, without looking how full the queue is."""
    registry = Registry()
    go_on = threading.Event()

    @registry.handler("work")
    def work() -> str:
        go_on.wait(60)
        return "done"

    service = start(registry, poll_interval=0.2)
    job_id = ledger.submit("work")
    ledger.wait_for(job_id, "running")
    ledger.owner.execute("""
        create function theirs() returns trigger language plpgsql as
            $$ begin perform pg_notify('anything', new.id::text || repeat('x', 7000)); return null; end $$
    """)
    ledger.owner.execute("""
        create trigger theirs after insert on ledger.events for each row
        when (new.type in ('job.completed', 'job.failed', 'attempt.failed')) execute function theirs()
    """)
    culprit = fill()
    go_on.set()
    until(lambda: "too many notifications" in caplog.text, "the end to be refused at its commit")
    assert not service.ended
    assert ledger.types(job_id) == ["job.requested", "attempt.started"]
    culprit.close()
    assert ledger.wait_for(job_id).status == "completed"
    assert ledger.types(job_id) == ["job.requested", "attempt.started", "job.completed"]
    ledger.verify()


def test_hints_come_again_when_the_queue_has_room(ledger: Ledger, fill: Callable[[], psycopg.Connection]) -> None:
    listener = ledger.database.connect("app_alice")
    listener.execute("listen ledger_events")
    culprit = fill()
    push_jobs(ledger.client, 1)
    culprit.close()
    push_jobs(ledger.client, 1)
    assert [notice.channel for notice in listener.notifies(timeout=10, stop_after=1)] == ["ledger_events"]
    assert list(listener.notifies(timeout=0)) == []


def test_what_a_full_queue_refuses_is_trouble_of_the_moment_and_what_is_too_large_is_not(
    ledger: Ledger, fill: Callable[[], psycopg.Connection]
) -> None:
    """One SQLSTATE, 54000, for both."""
    with psycopg.connect(ledger.database.dsn) as late:
        late.execute("notify anything, 'at the commit'")
        fill()
        with pytest.raises(psycopg.errors.ProgramLimitExceeded) as full:
            late.commit()
    assert (is_transient(full.value), is_about_data(full.value)) == (True, False)
    too_large = """
        insert into ledger.delegations (actor, owner)
        select string_agg(gen_random_uuid()::text, ''), '' from generate_series(1, 999)
    """
    with pytest.raises(psycopg.errors.ProgramLimitExceeded) as large:
        ledger.owner.execute(too_large)
    assert (is_transient(large.value), is_about_data(large.value)) == (False, True)


def test_doctor_says_that_hints_are_held_back(ledger: Ledger, fill: Callable[[], psycopg.Connection]) -> None:
    def level() -> str:
        return next(finding.level for finding in examine_server(ledger.owner) if finding.check == "notify")

    assert level() == "ok"
    culprit = fill()
    assert level() == "warn"
    culprit.close()
    until(lambda: level() == "ok", "the queue to be empty")
