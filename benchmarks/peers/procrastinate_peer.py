"""Procrastinate with psycopg, ten jobs at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import procrastinate

from benchmarks.peers.driver import PAD, Put, main, note


def _app(dsn: str, pool: int) -> tuple[Any, Any]:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=2, max_size=pool))

    async def noop(i: int, pad: str) -> None:
        note(i)

    return app, app.task(name="noop", queue="bench")(noop)


class Peer:
    async def setup(self, dsn: str) -> None:
        app, _ = _app(dsn, 2)
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    async def enqueue(self, dsn: str, produce: Callable[[Put], Awaitable[None]]) -> None:
        app, task = _app(dsn, 2)

        async def put(numbers: list[int]) -> None:
            if len(numbers) == 1:
                await task.defer_async(i=numbers[0], pad=PAD)
            else:
                await task.batch_defer_async(*({"i": i, "pad": PAD} for i in numbers))

        async with app.open_async():
            await produce(put)

    async def work(self, dsn: str) -> None:
        app, _ = _app(dsn, 20)
        async with app.open_async():
            await app.run_worker_async(queues=["bench"], concurrency=10, wait=True)


if __name__ == "__main__":
    main(Peer())
