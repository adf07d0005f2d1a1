"""Connections that are watched over: a statement is to be answered, and waiting for notifications is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from databases import Database
from psycopg import AsyncConnection

from ledger.postgres.store import link
from ledger.postgres.store.link import stay_connected


def test_p4_work_whose_statement_is_not_answered_begins_anew_and_who_only_listens_is_left_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PATIENCE_S", 1.0)
    sessions: list[int] = []
    blocker = database.connect()
    blocker.execute("select pg_advisory_lock(7)")

    async def work(connection: AsyncConnection[Any]) -> None:
        sessions.append(connection.info.backend_pid)
        if len(sessions) == 1:
            await connection.execute("select pg_advisory_lock(7)")
        await connection.execute("listen ledger_work")
        async for _ in connection.notifies(timeout=2.5):  # longer than the patience, which has doubled
            pass
        await connection.execute("select 1")

    asyncio.run(stay_connected(database.dsn_as("worker"), "listener", work))
    assert len(set(sessions)) == 2
