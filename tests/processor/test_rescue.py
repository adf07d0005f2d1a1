"""Whom the leader gives up, and whom it only watches."""

from __future__ import annotations

import asyncio
from typing import Any

from databases import Database
from doors import Worker, job_row, push_jobs, sequence
from waiting import until

from ledger.database import connect_async
from processor.rescue import Rescuer
from processor.settings import Settings


def rescue(database: Database, grace: float) -> int:
    """How many jobs the second look takes back."""

    async def look_twice() -> int:
        async with await connect_async(database.dsn_as("worker")) as connection:
            rescuer = Rescuer(connection, Settings(grace=grace), patient_s=0)
            await rescuer.rescue()
            return await rescuer.rescue()

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
