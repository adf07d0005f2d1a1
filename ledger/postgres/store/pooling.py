"""Making sure that connections are sessions: a processor keeps locks, prepared statements and LISTEN in its own.

A pooler in transaction mode lends one session to many, a transaction at a time. There a lock would stay behind in a
session that serves strangers: a processor would look alive after its death.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ledger.errors import LedgerError
from ledger.postgres.database import connect_async
from ledger.postgres.store.link import keep_trying

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_ROUNDS: Final = 5


async def need_own_sessions(dsn: str) -> None:
    """Raise LedgerError where connections share sessions. Trouble with the connection is waited out.

    A pooler logs in for itself, and then the session's process number is not the one our login was told. That alone
    may be a pooler in session mode, which serves well enough. Two connections that meet in one session, or one that
    wanders, are the proof: a pooler lends first what was given back last.
    """
    await keep_trying("start")(_need_own_sessions, dsn)


async def _need_own_sessions(dsn: str) -> None:
    async with await connect_async(dsn, application_name="jobledger start", settled=False) as one:
        first = await _session(one)
        if first == one.info.backend_pid:
            return
        async with await connect_async(dsn, application_name="jobledger start", settled=False) as other:
            for _ in range(_ROUNDS):
                if await _session(other) == first or await _session(one) != first:
                    raise LedgerError(
                        "a processor needs sessions of its own, and this DSN leads to a pooler that shares them",
                        hint="give serve the address of Postgres itself; clients may go through the pooler",
                    )


async def _session(connection: AsyncConnection[Any]) -> int:
    row = await (await connection.execute("select pg_backend_pid() as pid", prepare=False)).fetchone()
    assert row is not None, "a select without a from clause has one row"
    return int(row["pid"])
