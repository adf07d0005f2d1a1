"""Jobs that do not end by themselves, for stopping a processor among them. Served with --app drained_jobs:jobs."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from pathlib import Path

from pydantic import BaseModel
from waiting import until

from processor import Registry

jobs = Registry()


class Sign(BaseModel):
    path: Path


@jobs.handler("until-sign")
def until_sign(params: Sign) -> str:
    """Go on until a file is there."""
    until(params.path.exists, "the sign")
    return "saw the sign"


@jobs.handler("endless")
async def endless() -> None:
    await asyncio.Event().wait()


@jobs.handler("deaf")
def deaf() -> None:
    """A plain function that nobody can stop."""
    threading.Event().wait()


@jobs.handler("stuck-in-a-thread")
async def stuck_in_a_thread(params: Sign) -> None:
    """An async function that has given its work to a thread, which nobody can stop."""

    def stuck() -> None:
        params.path.touch()
        threading.Event().wait()

    await asyncio.to_thread(stuck)


@jobs.handler("leaves-a-child")
def leaves_a_child(params: Sign) -> None:
    """Fork as a library in C would, unseen by Python: the child has every socket of this process, and outlives it."""
    libc = ctypes.PyDLL(None)
    child = libc.fork()
    if child == 0:
        libc.pause()
    params.path.write_text(str(child))
    threading.Event().wait()


@jobs.handler("blocks-the-loop")
async def blocks_the_loop() -> None:
    """An async function that should have been a plain one."""
    threading.Event().wait()
