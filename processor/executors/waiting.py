"""Waiting for several things, and for threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from contextlib import suppress


async def first_of(*ways: Awaitable[object]) -> None:
    """Wait until the first of these is done, and cancel the others. Raises its error, if that is how it was done."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def join(thread: threading.Thread, timeout_s: float) -> None:
    """Wait until a thread has ended, at most so long.

    In a thread of its own, and not in one of the loop's default executor: handlers may hold all of those.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        thread.join(timeout_s)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name=f"join {thread.name}", daemon=True).start()
    await ended.wait()
