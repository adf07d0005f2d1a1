"""Hints that there may be something to do. They may be missed, and may be wrong: each listener also looks by itself."""

from __future__ import annotations

import asyncio

from ledger.ports.store import Hint


class Hints:
    """What the parts of one service tell each other, and what notifications tell them."""

    def __init__(self) -> None:
        self.events = asyncio.Event()
        """Events were written: the leader should look."""
        self.claims = asyncio.Event()
        """There may be something to claim: the claimer should look."""
        self.cancels = asyncio.Event()
        """A running job may have been cancelled."""
        self._new_work = True

    def tell_of_work(self) -> None:
        """Jobs may have become ready."""
        self._new_work = True
        self.claims.set()

    def tell_of_room(self) -> None:
        """A job has ended, so that another one may start; nothing is known of new ones."""
        self.claims.set()

    def take_new_work(self) -> bool:
        """Whether jobs may have become ready since this was asked last."""
        new_work, self._new_work = self._new_work, False
        return new_work

    def tell(self, hint: Hint) -> None:
        """Pass on what was heard."""
        match hint:
            case Hint.EVENTS:
                self.events.set()
            case Hint.WORK:
                self.tell_of_work()
            case Hint.CANCELS:
                self.cancels.set()
            case Hint.ANYTHING:
                self.events.set()
                self.tell_of_work()
                self.cancels.set()


async def wait_for_hint(hint: asyncio.Event, timeout_s: float) -> bool:
    """Wait for a hint, at most so long, and take it. Whether there was one."""
    try:
        async with asyncio.timeout(timeout_s):
            await hint.wait()
    except TimeoutError:
        return False
    hint.clear()
    return True
