"""What every peer's program does: ``python -m benchmarks.peers.<peer> setup|fill|work|send DSN [COUNT] [GAP_S]``.

Runs in the peers' environment: of this project, only what imports the standard library alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeAlias

from benchmarks.starting import wait_for_go

Put: TypeAlias = Callable[[list[int]], Awaitable[None]]
PAD = "x" * 180
BATCH = 1000


class Peer(Protocol):
    """A queue with one kind of job, whose handler calls ``note``."""

    async def setup(self, dsn: str) -> None:
        """Install it in an empty database."""

    async def enqueue(self, dsn: str, produce: Callable[[Put], Awaitable[None]]) -> None:
        """Connect, and call ``produce`` with a function that enqueues the numbers it is given, at once."""

    async def work(self, dsn: str) -> None:
        """Run jobs for ever."""


_notes: list[int] = []


def note(i: int) -> None:
    """The handler's work: nothing, or where latency is measured, saying when it started."""
    if not _notes:
        name = os.environ.get("JOBLEDGER_BENCH_NOTES")
        _notes.append(os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if name else -1)
    if _notes[0] >= 0:
        os.write(_notes[0], f"{i} {os.getpid()} {time.time():.6f}\n".encode())


def main(peer: Peer, run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run) -> None:
    """Do what the command line says."""
    verb, dsn, *numbers = sys.argv[1:]
    if verb == "work":
        wait_for_go()
        run(peer.work(dsn))
    elif verb == "setup":
        asyncio.run(peer.setup(dsn))
    elif verb == "fill":
        asyncio.run(peer.enqueue(dsn, lambda put: _fill(put, int(numbers[0]))))
    elif verb == "send":
        wait_for_go()
        asyncio.run(peer.enqueue(dsn, lambda put: _send(put, int(numbers[0]), float(numbers[1]))))


async def _fill(put: Put, count: int) -> None:
    for start in range(0, count, BATCH):
        await put(list(range(start, min(start + BATCH, count))))


async def _send(put: Put, count: int, gap_s: float) -> None:
    """One at a time; says when each was sent and when that had returned."""
    for i in range(count):
        began = time.time()
        await put([i])
        ended = time.time()
        sys.stdout.write(json.dumps({"i": i, "began": began, "ended": ended}) + "\n")
        sys.stdout.flush()
        await asyncio.sleep(max(0.0, began + gap_s - ended))
