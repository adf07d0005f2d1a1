"""Hearing notifications, and turning them into hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processor.session.link import stay_connected

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from processor.leader.sequencer import Sequencer
    from processor.session.hints import Hints


class Listener:
    """A connection that only listens. While it is away, the polls do its work."""

    def __init__(self, dsn: str, hints: Hints, sequencer: Sequencer) -> None:
        self._dsn = dsn
        self._hints = hints
        self._sequencer = sequencer

    async def run(self) -> None:
        """Listen for ever."""
        await stay_connected(self._dsn, "listener", self._listen)

    async def _listen(self, connection: AsyncConnection[Any]) -> None:
        await connection.execute("listen ledger_events")
        await connection.execute("listen ledger_work")
        await connection.execute("listen ledger_cancel")
        self._hints.tell_of_all()  # whatever happened before this moment went unheard
        async for notice in connection.notifies():
            match notice.channel:
                case "ledger_events":
                    self._hints.events.set()
                case "ledger_work" if notice.pid != self._sequencer.backend_pid:
                    self._hints.tell_of_work()  # this service's own sequencer has told already
                case "ledger_cancel":
                    self._hints.cancels.set()
