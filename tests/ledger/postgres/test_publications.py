"""A publication of the ledger's tables: it stops nothing, and an auditor can follow the whole ledger through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from databases import Database, new_database, new_template, throwaway_postgres
from ledger_calls import Worker, cancel, find_lost, push_jobs, sequence
from psycopg import Connection, sql
from psycopg.rows import DictRow
from waiting import until

from ledger.postgres.database import connect
from ledger.postgres.feed import read_history, read_log, verify

ALICE = "app_alice"


def test_every_table_says_which_row_a_change_was_about(database: Database) -> None:
    """Without a replica identity Postgres refuses updates and deletes as soon as anyone publishes them."""
    without = (
        database.connect()
        .execute("""
        select c.relname from pg_class c
        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
          and not (c.relreplident = 'f'
                   or exists (select from pg_index i where i.indrelid = c.oid
                              and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident end))
    """)
        .fetchall()
    )
    assert without == []


@pytest.mark.parametrize("what", ["for all tables", "for tables in schema ledger"])
def test_p14_a_publication_stops_nothing(database: Database, what: str) -> None:
    owner, client = database.connect(), database.connect(ALICE)
    with psycopg.ClientCursor(owner) as cursor:
        cursor.execute(f"create publication everything {what}".encode())
    live_a_little(database, owner, client)
    assert [row["jobs"] for row in counts(owner) if row["standing"] == "completed"] == [2]
    verify(owner)


def test_an_auditor_follows_the_ledger_through_a_subscription() -> None:
    with (
        throwaway_postgres({"wal_level": "logical"}) as server,
        new_template(server.dsn()) as template,
        new_database(server.dsn(), template) as ledger,
        new_database(server.dsn(), template) as copy,
    ):
        owner, client = ledger.connect(), ledger.connect(ALICE)
        before, *_ = push_jobs(client, 3)
        sequence(owner)
        owner.execute("create publication ledger_audit for tables in schema ledger")
        with subscribed(ledger, copy):
            live_a_little(ledger, owner, client)
            owner.execute("select ledger.delegate('app_alice', 'carol', true)")
            owner.execute("select ledger.delegate('app_alice', 'carol', false)")
            sequence(owner)
            written = list(read_log(owner))
            auditor = copy.connect("auditor")
            until(lambda: list(read_log(auditor)) == written, "the auditor to have read the whole log")
            assert counts(auditor) == counts(owner)
            assert verify(auditor) == verify(owner)
            assert read_history(auditor, before) == read_history(owner, before)
            for table in ("events", "jobs", "log"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    auditor.execute(sql.SQL("delete from ledger.{}").format(sql.Identifier(table)))


def live_a_little(database: Database, owner: Connection[DictRow], client: Connection[DictRow]) -> None:
    """Whatever updates or deletes: claims, ends, releases, cancels, a summing, a life, a processor that is lost."""
    push_jobs(client, 5)
    push_jobs(client, 1, run_at="2026-01-01T00:00:00Z")
    stopped, *_ = push_jobs(client, 1, limits={"expires_at": "2099-01-01T00:00:00Z"})
    cancel(client, stopped)
    sequence(owner)
    with closing(database.connect("worker")) as connection:
        worker = Worker(connection)
        one, two, three = worker.claim(3)
        worker.record((one, "job.completed", {}), (two, "job.completed", {}),
                      (three, "attempt.deferred", {"until": "2026-01-01T00:00:00Z"}))  # fmt: skip
        connection.execute("select ledger.beat(%(id)s)", {"id": worker.id})
        connection.execute("select ledger.stop_processor(%(id)s)", {"id": worker.id})
        connection.execute("select ledger.forget_claims(%(id)s)", {"id": worker.id})
    owner.execute("select ledger.begin_epoch('a test')")
    owner.execute("select ledger.sum_counts()")
    sequence(owner)
    with closing(database.connect("worker")) as connection:
        Worker(connection)
        find_lost(connection, overdue=True)


def counts(connection: Connection[DictRow]) -> list[DictRow]:
    return connection.execute("""
        select c.namespace, c.name, c.state as standing, sum(c.jobs) as jobs
        from ledger.job_counts c
        group by 1, 2, 3 order by 1, 2, 3
    """).fetchall()


@contextmanager
def subscribed(ledger: Database, copy: Database) -> Iterator[None]:
    """As docs/operating.md says it, but for the slot: in one cluster, ``create subscription`` would wait for itself."""
    ledger.connect().execute("select pg_create_logical_replication_slot('auditor', 'pgoutput')")
    with connect(copy.dsn) as subscriber:
        subscriber.execute(
            "truncate ledger.schema_version, ledger.lives, ledger.sequencer, ledger.limits, ledger.rights"
        )
        subscriber.execute(
            sql.SQL(
                "create subscription auditor connection {} publication ledger_audit with (create_slot = false)"
            ).format(sql.Literal(ledger.dsn))
        )
        until(lambda: copied(subscriber), "what was there before to be copied")
        try:
            yield
        finally:
            subscriber.execute("drop subscription auditor")


def copied(subscriber: Connection[DictRow]) -> bool:
    return (
        subscriber.execute("select from pg_subscription_rel having bool_and(srsubstate = 'r')").fetchone() is not None
    )
