"""PgQueuer with asyncpg and uvloop, a thousand jobs a batch: the settings at which it is fastest."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, PgQueuer, Queries

from benchmarks.peers.driver import BATCH, PAD, Put, main, note


class Peer:
    async def setup(self, dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    async def enqueue(self, dsn: str, produce: Callable[[Put], Awaitable[None]]) -> None:
        connection = await asyncpg.connect(dsn)
        queries = Queries(AsyncpgDriver(connection))

        async def put(numbers: list[int]) -> None:
            payloads = [json.dumps({"i": i, "pad": PAD}).encode() for i in numbers]
            if len(numbers) == 1:
                await queries.enqueue("noop", payloads[0])
            else:
                await queries.enqueue(["noop"] * len(numbers), payloads, [0] * len(numbers))

        await produce(put)
        await connection.close()

    async def work(self, dsn: str) -> None:
        queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(dsn)))

        async def noop(job: Any) -> None:
            note(json.loads(job.payload)["i"])

        queue.entrypoint("noop")(noop)
        await queue.run(batch_size=BATCH)


if __name__ == "__main__":
    main(Peer(), uvloop.run)
