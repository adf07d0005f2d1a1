"""A whole service on a ledger in memory: nothing of a processor needs a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from in_process import QUICK
from worlds import MemoryWorld, Play

from ledger.memory.store import MemoryStore
from processor import JobContext, Registry, Retry
from processor.service import serve_store
from processor.settings import Settings


async def seen(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not look():  # noqa: ASYNC110  what is looked at has no event
            await asyncio.sleep(0.01)


async def twice(n: int) -> int:
    return 2 * n


def play(
    registry: Registry, scene: Callable[[Play], list[UUID]], *, until: str = "completed"
) -> tuple[Play, list[UUID]]:
    """Serve what the scene asks for, until all its jobs have that status, and stop in order."""
    world = MemoryWorld()
    play = Play(world)

    async def whole() -> list[UUID]:
        stop = asyncio.Event()
        store = MemoryStore(world.ledger)
        serving = asyncio.create_task(serve_store(registry, store, Settings(retry=QUICK, heartbeat=0.05), stop=stop))
        jobs = scene(play)
        await seen(lambda: serving.done() or all(play.state(job).status == until for job in jobs))
        stop.set()
        await serving
        return jobs

    return play, asyncio.run(whole())


def test_a_service_runs_jobs_without_a_database() -> None:
    registry = Registry()
    failed: list[str] = []

    @registry.handler("double")
    async def double(params: dict[str, int], job: JobContext) -> int:
        job.progress(50, "half")
        return await job.step_async("doubled", twice, params["n"])

    @registry.handler("work")
    def work(params: dict[str, int], job: JobContext) -> str | Retry:
        if job.attempt == 1:
            failed.append(str(job.id))
            return Retry(after=0)
        return f"attempt {job.attempt}"

    def scene(play: Play) -> list[UUID]:
        return [play.request(name="double", params={"n": n}) for n in range(5)] + [play.request(name="work")]

    played, jobs = play(registry, scene)
    results = [played.state(job).result for job in jobs]
    assert results == [0, 2, 4, 6, 8, "attempt 2"]
    assert failed == [str(jobs[-1])]
    kinds = played.types(jobs[0])
    assert (kinds[:2], kinds[-1]) == (["job.requested", "attempt.started"], "job.completed")
    assert "step.completed" in kinds


def test_a_running_job_is_cancelled_without_a_database() -> None:
    registry = Registry()
    running = asyncio.Event()
    scenes: list[Play] = []

    @registry.handler("work")
    async def work() -> None:
        scenes[0].cancel(job_ids[0])
        await running.wait()

    job_ids: list[UUID] = []

    def scene(play: Play) -> list[UUID]:
        scenes.append(play)
        job_ids.append(play.request())
        return job_ids

    play(registry, scene, until="cancelled")


def test_p4_the_jobs_of_a_service_that_dies_are_rescued_by_another_without_a_database() -> None:
    registry = Registry()
    world = MemoryWorld()
    played = Play(world)
    runs: list[datetime] = []

    @registry.handler("work")
    async def work(params: object, job: JobContext) -> str:
        runs.append(datetime.now(UTC))
        if job.attempt == 1:
            await asyncio.Event().wait()
        return "by the other"

    async def scene() -> None:
        settings = Settings(retry=QUICK, heartbeat=0.05, grace=0.1, poll_interval=0.2)
        job = played.request()
        dying = asyncio.create_task(serve_store(registry, MemoryStore(world.ledger), settings))
        await seen(lambda: bool(runs))
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        stop = asyncio.Event()
        other = asyncio.create_task(serve_store(registry, MemoryStore(world.ledger), settings, stop=stop))
        await seen(lambda: played.state(job).status == "completed")
        stop.set()
        await other
        assert (played.state(job).result, played.state(job).losses) == ("by the other", 1)

    asyncio.run(scene())
