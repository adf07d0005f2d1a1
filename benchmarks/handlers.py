"""The jobs that are measured, and what they are given."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Final

from pydantic import BaseModel

from processor import JobContext, Registry

NOTES: Final = "JOBLEDGER_BENCH_NOTES"
"""The variable that names the file in which ``note`` and ``linger`` say when they started."""

jobs = Registry()


class Params(BaseModel):
    i: int
    pad: str


def params(i: int) -> dict[str, Any]:
    """About 200 bytes of JSON."""
    return {"i": i, "pad": "x" * 180}


@jobs.handler("noop")
async def noop(params: Params, job: JobContext) -> None:
    """Nothing: what remains is the cost of everything around it."""


@jobs.handler("note")
async def note(params: Params, job: JobContext) -> None:
    """Say when it started."""
    _note(params.i)


@jobs.handler("linger")
async def linger(params: Params, job: JobContext) -> None:
    """Say when it started, and go on for ever the first time."""
    _note(params.i)
    if job.attempt == 1:
        await asyncio.Event().wait()


def _note(i: int) -> None:
    """One line: the number, this process and the time. Lines of many processes do not mix."""
    line = f"{i} {os.getpid()} {time.time():.6f}\n".encode()
    file = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line)
    finally:
        os.close(file)
