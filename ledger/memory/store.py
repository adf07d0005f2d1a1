"""The port ``Store`` on a ledger in memory: what ``ledger.postgres.store`` and schema.sql do, one job at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ledger.memory.leading import Leading
from ledger.memory.registration import Registration
from ledger.ports.store import Hint


class MemoryStore(Registration, Leading):
    """One processor service's use of a ledger in memory. Several may share a ledger."""

    async def check(self) -> None: ...

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def hear(self, tell: Callable[[Hint], object]) -> None:
        loop = asyncio.get_running_loop()

        def listener(hint: Hint) -> None:
            loop.call_soon_threadsafe(tell, hint)

        with self._ledger.lock:
            self._ledger.listeners.append(listener)
        try:
            tell(Hint.ANYTHING)
            await loop.create_future()
        finally:
            with self._ledger.lock:
                self._ledger.listeners.remove(listener)
