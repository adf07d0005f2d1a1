"""Waiting for several things, and for threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from processor.executors.daemons import DaemonPool
from processor.executors.waiting import first_of, join


def test_the_first_ends_the_wait_and_the_others_are_cancelled() -> None:
    stopped: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("endless")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError("first")

    asyncio.run(first_of(asyncio.sleep(0), endless()))
    assert stopped == ["endless"]
    with pytest.raises(LookupError, match="first"):
        asyncio.run(first_of(endless(), fails()))
    assert stopped == ["endless"] * 2


def test_a_thread_is_waited_for_while_handlers_hold_every_thread_of_the_loop() -> None:
    release, begun, joined = threading.Event(), threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        release.wait()

    async def scene() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonPool(1))
        held = asyncio.create_task(asyncio.to_thread(stuck))
        while not begun.is_set():  # noqa: ASYNC110  # it is set by another thread
            await asyncio.sleep(0.01)
        thread = threading.Thread(target=joined.set)
        thread.start()
        await join(thread, 30)
        assert joined.is_set()
        held.cancel()

    asyncio.run(scene())
    release.set()


def test_a_thread_that_does_not_end_is_waited_for_no_longer_than_said() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait, daemon=True)
    thread.start()
    asyncio.run(join(thread, 0.01))
    assert thread.is_alive()
    release.set()
    thread.join(30)
