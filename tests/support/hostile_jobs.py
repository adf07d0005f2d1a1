"""Handlers that get in the way of their processor. Served with --app hostile_jobs:jobs."""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from processor import JobContext, Registry

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


@jobs.handler("forks", max_attempts=1)
def forks(params: dict[str, str], job: JobContext) -> int:
    """Both come back; the status of the child is the result."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return in_the_child(params, job)


@jobs.handler("forks-async", max_attempts=1)
async def forks_async(params: dict[str, str], job: JobContext) -> int:
    if child := os.fork():
        return await asyncio.to_thread(lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    if params["child"] == "awaits":
        await asyncio.sleep(0)
        await asyncio.to_thread(Path(params["path"]).write_text, "went on")
    return in_the_child(params, job)


@jobs.handler("forks-in-a-task", max_attempts=1)
async def forks_in_a_task(params: dict[str, str], job: JobContext) -> int:
    return await asyncio.create_task(forks_async(params, job))


def in_the_child(params: dict[str, str], job: JobContext) -> int:
    match params["child"]:
        case "raises":
            raise ValueError
        case "exits":
            sys.exit(4)
        case "reports":
            job.progress(99, "said by the child")
            job.log.info("said by the child")
        case "steps":
            job.step("charge", lambda: "charged by the child")
    return -1


@jobs.handler("runs-a-pool")
def runs_a_pool(params: dict[str, str]) -> None:
    """A child that outlives its parent, as those of a ProcessPoolExecutor do."""
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    child.start()
    Path(params["path"]).write_text(str(child.pid))
    time.sleep(600)


@jobs.handler("ends-its-child", max_attempts=1)
async def ends_its_child() -> Any:
    """Started in the event loop's thread, and ended by SIGTERM, some before they have begun."""
    codes = set()
    for _ in range(50):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
        child.start()
        child.terminate()
        await asyncio.to_thread(child.join)
        codes.add(child.exitcode)
    return codes == {-signal.SIGTERM}


@jobs.handler("eats-memory", max_attempts=1)
def eats_memory() -> int:
    return len(bytearray(1 << 56))


@jobs.handler("segfaults")
def segfaults() -> None:
    ctypes.string_at(0)


@jobs.handler("leaves")
async def leaves() -> None:
    os._exit(0)


@jobs.handler("innocent")
def innocent(params: dict[str, str]) -> str:
    """Ends when the test says so."""
    while not Path(params["path"]).exists():
        time.sleep(0.01)
    return "ran"


@jobs.handler("is-killed")
def is_killed() -> None:
    """As the kernel does with the process that takes the last memory."""
    os.kill(os.getpid(), signal.SIGKILL)


@jobs.handler("never-returns", timeout=0.1)
def never_returns() -> None:
    time.sleep(600)
