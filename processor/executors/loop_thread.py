"""The event loop in which everything but plain handlers runs, as threads reach it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final, TypeVarTuple

from processor.executors.forked import Process
from processor.executors.loop import run

Arguments = TypeVarTuple("Arguments")

MOVES_S: Final = 0.5
"""How often the loop notes that it moves."""


class LoopThread:
    """One event loop, its thread and its process. To be made inside of it."""

    __slots__ = ("_moved_at", "_thread", "loop", "process")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.process = Process(run.__code__)
        self._thread = threading.get_ident()
        self._move()

    def still_s(self) -> float:
        """For how long the loop has not moved, to within ``MOVES_S``. From any thread."""
        return max(0.0, time.monotonic() - self._moved_at - MOVES_S)

    def _move(self) -> None:
        self._moved_at = time.monotonic()
        self.loop.call_later(MOVES_S, self._move)

    def is_here(self) -> bool:
        """Whether the caller runs in the loop's own thread."""
        return threading.get_ident() == self._thread

    def post(self, callback: Callable[[*Arguments], object], *arguments: *Arguments) -> bool:
        """Have the loop call this: at once where the caller is in it already. False where the loop has ended.

        To a forked child of its process, too, it has ended.
        """
        if not self.process.is_here():
            return False
        if self.is_here():
            callback(*arguments)
            return True
        try:
            self.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            if self.loop.is_closed():
                return False
            raise
        return True
