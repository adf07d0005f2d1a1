"""Hearing notifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ledger.ports.store import Hint
from ledger.postgres.store.link import stay_connected

if TYPE_CHECKING:
    from psycopg import AsyncConnection

HINTS: Final = {"ledger_events": Hint.EVENTS, "ledger_work": Hint.WORK, "ledger_cancel": Hint.CANCELS}


async def listen(dsn: str, tell: Callable[[Hint], object], own_pid: Callable[[], int | None]) -> None:
    """Tell what is heard, for ever; but not of work that the session ``own_pid`` told of: its caller knows already."""

    async def hear(connection: AsyncConnection[Any]) -> None:
        await connection.execute("listen ledger_events")
        await connection.execute("listen ledger_work")
        await connection.execute("listen ledger_cancel")
        tell(Hint.ANYTHING)
        async for notice in connection.notifies():
            hint = HINTS[notice.channel]
            if hint is not Hint.WORK or notice.pid != own_pid():
                tell(hint)

    await stay_connected(dsn, "listener", hear)
