"""Whom the leader gives up, and whom it only watches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from databases import Database
from in_process import Ledger
from ledger_calls import Worker, job_row, push_jobs, sequence
from waiting import until

from ledger.postgres.store.store import PostgresStore
from processor.leader.rescue import Rescue
from processor.session.hints import Hints
from processor.settings import Settings

HOUR_S = 3600.0


def rescue(database: Database, grace: float) -> int:
    """How many jobs the second look takes back."""

    async def look_twice() -> int:
        store = PostgresStore(database.dsn_as("worker"))
        rescuer = Rescue(store, Hints(), Settings(grace=grace), patient_s=0)
        try:
            await rescuer.rescue()
            return await rescuer.rescue()
        finally:
            await store.leave_election()

    return asyncio.run(look_twice())


def test_p5_a_processor_whose_session_ended_within_the_grace_is_not_lost(database: Database) -> None:
    """Its connection may have broken, and then it comes back."""
    owner, worker = database.connect(), Worker(database.connect("worker"))
    (job,) = push_jobs(database.connect("app_alice"), 1)
    sequence(owner)
    worker.claim()
    worker.connection.close()
    sessions = "select from pg_locks where locktype = 'advisory' and classid = 1785686116"
    until(lambda: owner.execute(sessions).fetchall() == [], "its lock to be free")
    lost: Any = "select count(*) as n from ledger.processors where lost_at is not null"
    assert rescue(database, grace=3600) == 0
    assert owner.execute(lost).fetchall() == [{"n": 0}]
    assert job_row(owner, job)["status"] == "running"
    until(lambda: rescue(database, grace=0) == 0 and job_row(owner, job)["status"] == "pending", "it to be given up")
    assert owner.execute(lost).fetchall() == [{"n": 1}]


@pytest.mark.parametrize(("lease", "rescued"), [(0.001, 1), (HOUR_S, 0)], ids=["the lease is over", "it goes on"])
def test_p4_an_expired_lease_counts_also_while_a_free_lock_proves_nothing(
    ledger: Ledger, lease: float, rescued: int
) -> None:
    """After a break of all connections the leader is patient with free locks, and with nothing else."""
    job = ledger.submit("noop")
    sequence(ledger.owner)
    connection = ledger.database.connect("worker")
    assert len(Worker(connection).claim()) == 1
    connection.close()

    async def rescue() -> int:
        settings = Settings(heartbeat=lease / 4, grace=0, lease=lease)
        store = PostgresStore(ledger.database.dsn_as("worker"))
        rescuer = Rescue(store, Hints(), settings, patient_s=HOUR_S)
        try:
            async with asyncio.timeout(30):
                found = await rescuer.rescue()
                while found < rescued:  # the lease counts from the first look
                    found = await rescuer.rescue()
                return found
        finally:
            await store.leave_election()

    assert asyncio.run(rescue()) == rescued
    assert ledger.state(job).losses == rescued
    ledger.verify()
