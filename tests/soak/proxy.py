"""A bad network: a TCP proxy on loopback that cuts, resets, stalls, trickles and refuses, as a seed says."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, Self, TypeAlias

Kind: TypeAlias = Literal["cut", "reset", "stall", "trickle", "refuse"]
Direction: TypeAlias = Literal["up", "down"]
Ending: TypeAlias = Literal["ended", "cut", "reset"]

MAX_CONNECTIONS: Final = 200
CLEAN: Final = 0.3
SECOND_FAULT: Final = 0.2
FURTHEST_BYTE: Final = 60_000
LONGEST_STALL_S: Final = 1.5
TRICKLE_BYTES: Final = 400
_CHUNK: Final = 65_536
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s: closing sends RST and drops what was not sent
_KINDS: Final[dict[Kind, int]] = {"cut": 32, "reset": 20, "stall": 18, "trickle": 18, "refuse": 12}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens once ``at`` bytes have gone ``up`` (to the server) or ``down``. ``seconds`` is a stall's length."""

    kind: Kind
    direction: Direction
    at: int
    seconds: float


def plan_faults(seed: int, connection: int) -> tuple[Fault, ...]:
    """The faults of the n-th connection: none, one, or two one after the other."""
    chance = Random(f"{seed}/connection/{connection}")
    if chance.random() < CLEAN:
        return ()
    first = _draw(chance)
    if first.kind in ("stall", "trickle") and chance.random() < SECOND_FAULT:
        return first, _draw(chance)
    return (first,)


def _draw(chance: Random) -> Fault:
    (kind,) = chance.choices(list(_KINDS), list(_KINDS.values()))
    # as often in the first ten bytes as among the last ten thousands: logins are short, pages are long
    at = int(math.exp(chance.uniform(0, math.log(FURTHEST_BYTE))))
    return Fault(kind, "up" if chance.random() < 0.4 else "down", at, chance.uniform(0.05, LONGEST_STALL_S))


class Proxy:
    """Passes connections on to ``target``, with faults, from ``with`` to its end. One thread, one event loop.

    ``injected`` counts the faults that happened, by kind: a connection may end before its fault is due.
    """

    def __init__(self, target: tuple[str, int], seed: int) -> None:
        self.port = 0
        self.connections = 0
        self.injected: Counter[str] = Counter()
        self._target = target
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._healed = asyncio.Event()
        self._stopped = asyncio.Event()
        self._live: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10) or not self.port:
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    def heal(self) -> None:
        """No more faults: stalls end at once, and what comes from now on passes."""
        self._loop.call_soon_threadsafe(self._healed.set)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=MAX_CONNECTIONS)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        live = list(self._live)
        for task in live:
            task.cancel()
        await asyncio.gather(*live, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted just now close their sockets in the next turn

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        try:
            with suppress(asyncio.CancelledError):  # by the end of the proxy, after which this task does nothing more
                await self._connection(reader, writer)
        finally:
            self._live.discard(task)
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        faults = () if self._healed.is_set() else plan_faults(self._seed, number)
        if len(self._live) > MAX_CONNECTIONS:
            self.injected["over the limit"] += 1
            return
        if any(fault.kind == "refuse" for fault in faults):
            self.injected["refuse"] += 1
            _reset(writer)
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target)
        except OSError:
            self.injected["server away"] += 1
            return
        try:
            for side in (writer, to_writer):
                side.transport.set_write_buffer_limits(0)  # drain then means: handed to the kernel, to the last byte
            ending = await _first(
                self._pump(reader, to_writer, [f for f in faults if f.direction == "up"]),
                self._pump(to_reader, writer, [f for f in faults if f.direction == "down"]),
            )
            for side in (writer, to_writer):
                if ending == "reset":
                    _reset(side)
                else:
                    side.close()
            if ending != "reset":
                await asyncio.sleep(0)
        finally:
            to_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: list[Fault]) -> Ending:
        due = deque(sorted(faults, key=lambda fault: fault.at))
        passed = trickling = 0
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                while chunk:
                    if self._healed.is_set():
                        due.clear()
                        trickling = 0
                    room = len(chunk)
                    if due:
                        room = min(room, max(due[0].at - passed, 0))
                    if trickling:
                        room = min(room, 1 + passed % 5)
                    writer.write(chunk[:room])
                    await writer.drain()
                    passed, chunk = passed + room, chunk[room:]
                    if trickling:
                        trickling = max(trickling - room, 0)
                        await asyncio.sleep(0.001)
                    if not due or passed < due[0].at or self._healed.is_set():
                        continue
                    fault = due.popleft()
                    self.injected[fault.kind] += 1
                    match fault.kind:
                        case "cut" | "reset":
                            return fault.kind
                        case "stall":
                            with suppress(TimeoutError):
                                await asyncio.wait_for(self._healed.wait(), fault.seconds)
                        case "trickle":
                            trickling = TRICKLE_BYTES
        return "ended"


async def _first(*pumps: Coroutine[Any, Any, Ending]) -> Ending:
    """How the first of them ended; the others are stopped."""
    tasks = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
