"""Handlers that get in the way of their processor. Served with --app hostile_jobs:jobs."""

from __future__ import annotations

import asyncio
import sys

from processor import Registry

jobs = Registry()


@jobs.handler("noop")
def noop() -> None:
    pass


@jobs.handler("beside")
async def beside() -> None:
    """An innocent one that is still running when the test looks."""
    await asyncio.Event().wait()


@jobs.handler("exits", max_attempts=1)
async def exits() -> None:
    sys.exit(3)


@jobs.handler("exits-in-a-task", max_attempts=1)
async def exits_in_a_task() -> None:
    async def leave() -> None:
        sys.exit(3)

    await asyncio.create_task(leave())


@jobs.handler("exits-in-a-callback")
async def exits_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 3)
    await asyncio.sleep(0.05)


@jobs.handler("stops-the-loop")
async def stops_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.05)


@jobs.handler("interrupts", max_attempts=1)
def interrupts() -> None:
    raise KeyboardInterrupt
