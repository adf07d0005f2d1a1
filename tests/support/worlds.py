"""Ledgers of every kind, as a test of a port needs them: clients' wishes go in, and what became of them is seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from databases import Database
from ledger_calls import Draft, push

from ledger.memory.ledger import MemoryLedger, StoredEvent
from ledger.memory.store import MemoryStore
from ledger.model.facts import read_fact
from ledger.model.fold import JobState, fold
from ledger.model.ids import new_id
from ledger.model.protocol import Accepted
from ledger.ports.store import AttemptEvent, Claimed, ClaimRequest, EndOfLog, Pass, Store
from ledger.postgres.feed import read_history
from ledger.postgres.store.store import PostgresStore

T = TypeVar("T")


class World(Protocol):
    """A ledger without a processor."""

    def store(self) -> Store:
        """What one more processor service knows of it."""

    def append(self, draft: Draft, owner: str) -> None:
        """Append a client's event."""

    def history(self, job_id: UUID) -> list[tuple[str, str, str, str, str]]:
        """A job's events, in order: id, type, owner, when, and data."""


class PostgresWorld:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._clients = {owner: database.connect(owner) for owner in ("app_alice", "app_bob")}
        self._owner = database.connect()

    def store(self) -> Store:
        return PostgresStore(self._database.dsn_as("worker"))

    def append(self, draft: Draft, owner: str) -> None:
        reply = push(self._clients[owner], new_id(), 0, [draft])
        assert isinstance(reply, Accepted)
        assert reply.refused == ()

    def history(self, job_id: UUID) -> list[tuple[str, str, str, str, str]]:
        return [
            (str(row["id"]), row["type"], row["owner"], row["recorded_at"].isoformat(), row["data"])
            for row in read_history(self._owner, job_id)
        ]


class MemoryWorld:
    def __init__(self) -> None:
        self.ledger = MemoryLedger(lambda: datetime.now(UTC))

    def store(self) -> Store:
        return MemoryStore(self.ledger)

    def append(self, draft: Draft, owner: str) -> None:
        at = self.ledger.now().isoformat()
        with self.ledger.lock:
            assert self.ledger.append(
                StoredEvent(
                    draft.id, draft.job_id, draft.type, draft.v, owner, owner, draft.occurred_at, at, draft.data
                )
            )

    def history(self, job_id: UUID) -> list[tuple[str, str, str, str, str]]:
        return [
            (event.id, event.type, event.owner, event.recorded_at, event.data)
            for event in self.ledger.events.values()
            if event.job_id == str(job_id)
        ]


class Play:
    """A scene in a world: what clients do, and what is seen. Services come with ``service``."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, scene: Callable[[Store], Awaitable[None]]) -> None:
        """Play it with a first service, whose session may lead."""

        async def play() -> None:
            async with asyncio.timeout(120), self.service() as store:
                await scene(store)

        asyncio.run(play())

    @asynccontextmanager
    async def service(self) -> AsyncIterator[Store]:
        """One more service, until the end of the block."""
        store = self.world.store()
        try:
            await store.join_election()
            await store.ensure_epoch(EndOfLog(None, 0, None))
            yield store
        finally:
            store.leave()
            await store.disconnect()
            await store.leave_election()

    def request(self, owner: str = "app_alice", job_id: UUID | None = None, **request: Any) -> UUID:
        job_id = job_id or new_id()
        self.world.append(Draft(data=json.dumps({"name": "work", **request}), job_id=str(job_id)), owner)
        return job_id

    def cancel(self, job_id: UUID, owner: str = "app_alice") -> None:
        self.world.append(Draft("job.cancel_requested", "{}", str(job_id)), owner)

    def types(self, job_id: UUID) -> list[str]:
        return [kind for _, kind, *_ in self.world.history(job_id)]

    def state(self, job_id: UUID) -> JobState:
        state = JobState(job_id)
        for event_id, kind, owner, at, data in self.world.history(job_id):
            state = fold(state, read_fact(event_id, kind, 1, owner, owner, at, data))
        return state


class Desk:
    """A registered processor that claims and records when a test calls it."""

    def __init__(self, store: Store, *names: str) -> None:
        self.store = store
        self.id = new_id()
        self.names = list(names or ("work",))
        store.register(self.id, "test", 1, ["default"], self.names)

    def asks(self, limit: int = 100) -> ClaimRequest:
        return ClaimRequest(self.id, new_id(), ["default"], self.names, limit)

    async def claim(self, limit: int = 100) -> list[Claimed]:
        return await self.store.claim(self.asks(limit))

    async def record(self, *events: AttemptEvent) -> set[tuple[str, int]]:
        """Record these; what came too late."""
        return {(late.job_id, late.attempt) for late in await self.store.record(self.id, events)}


def said(job: Claimed, kind: str, **data: Any) -> AttemptEvent:
    """An event of the attempt that was claimed."""
    text = json.dumps({"attempt": job.attempt, **data})
    return AttemptEvent(new_id.text(), job.job_id, str(job.attempt), kind, "2026-01-01T00:00:00Z", text)


async def comes(look: Callable[[], Awaitable[T]]) -> T:
    """Look again and again until something is there; what it is."""
    async with asyncio.timeout(60):
        while not (found := await look()):  # noqa: ASYNC110  only the look itself can tell
            await asyncio.sleep(0.02)
    return found


async def order_all(store: Store) -> Pass:
    """Put all that there is in order; the last pass that brought something."""
    made = await store.sequence()
    while (following := await store.sequence()).sequenced:
        made = following
    return made
