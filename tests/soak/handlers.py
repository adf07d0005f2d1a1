"""Handlers as nobody should write them, for the processors of a soak: they block, fork, exit, and raise what cannot be
printed, as the job's params say. Served with --app soak.handlers:jobs."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from processor import JobContext, Registry

jobs: Final = Registry()

CALM: Final = "SOAK_CALM"
"""Names a file: once it is there, every handler does as it should, so that all jobs come to their end."""
EXIT_CODE: Final = 77
Deed: TypeAlias = Literal[
    "returns",
    "sleeps",
    "blocks",
    "raises",
    "raises the unprintable",
    "forks",
    "forks and goes on",
    "exits",
    "ends the process",
]
DEEDS: Final[dict[Deed, int]] = {
    "returns": 50, "sleeps": 16, "blocks": 6, "raises": 8, "raises the unprintable": 8, "forks": 4,
    "forks and goes on": 2, "exits": 3, "ends the process": 2,
}  # fmt: skip
"""What a job may ask for, and how often it does."""


class Asked(BaseModel):
    """What the handler shall do, for how long, and whether only at its first attempt."""

    does: Deed
    seconds: float
    once: bool
    n: int


class SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this can be said")


class EndlessError(Exception):
    def __str__(self) -> str:
        return str(self)


class WordlessError(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # the very thing


@jobs.handler("soak-plain", max_attempts=2)
def plain(params: Asked, job: JobContext) -> dict[str, Any]:
    """In a thread."""
    if misbehaves(params, job):
        time.sleep(params.seconds if params.does in ("sleeps", "blocks") else 0)
        do(params)
    return {"n": params.n}


@jobs.handler("soak-async", max_attempts=2)
async def on_the_loop(params: Asked, job: JobContext) -> dict[str, Any]:
    """On the event loop, which ``blocks`` holds up."""
    if misbehaves(params, job):
        if params.does == "blocks":
            time.sleep(params.seconds)  # noqa: ASYNC251  the very thing
        await asyncio.sleep(params.seconds if params.does == "sleeps" else 0)
        do(params)
    return {"n": params.n}


def misbehaves(params: Asked, job: JobContext) -> bool:
    return not Path(os.environ[CALM]).exists() and (job.attempt == 1 or not params.once)


def do(params: Asked) -> None:
    match params.does:
        case "raises":
            raise RuntimeError("as the seed wants it")
        case "raises the unprintable":
            raise (SilentError, EndlessError, WordlessError, GeneratorExit)[params.n % 4]()
        case "forks":
            if os.fork() == 0:  # a child that lives on with all that it has inherited
                time.sleep(params.seconds)
                os._exit(0)
        case "forks and goes on":
            os.fork()  # the child returns from the handler, as its parent does
        case "exits":
            sys.exit(3)
        case "ends the process":
            os._exit(EXIT_CODE)
