"""The processor as a service: it puts events in order, claims jobs, runs them, and records what comes of them.

Liveness (in a thread of its own), the leader, hearing, claiming and recording each go on by themselves when others meet
trouble. Only if the heartbeat is not heard for longer than the lease, the identity is lost under which jobs were
claimed, and they are left to be rescued.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from ledger.errors import LedgerError
from ledger.ports.store import Store
from processor.executors.event_loop import EventLoopExecutor
from processor.executors.loop_thread import LoopThread
from processor.executors.threads import ThreadExecutor
from processor.executors.waiting import first_of, join
from processor.handlers.registry import Registry
from processor.leader.leader import Leader
from processor.session.clock import ServerClock
from processor.session.hints import Hints
from processor.session.liveness import Identity, Liveness
from processor.settings import Settings
from processor.work.attempt import ActiveAttempt
from processor.work.lanes import Lane
from processor.work.worker import Worker

logger = logging.getLogger(__name__)

LAST_PASS_S: Final = 5.0
"""How long the end may wait for the last events to be put in order; another leader will do it otherwise."""


async def serve(
    registry: Registry, dsn: str, settings: Settings | None = None, *, stop: asyncio.Event | None = None
) -> None:
    """Run a processor until ``stop`` is set; then let running jobs end, give back the others, and return.

    ``dsn`` is a URL or libpq keywords; the login must be a member of ``ledger_processor``. Trouble with the connection
    is waited out. Raises what waiting cannot help (no right, no schema or one of another version, a connection pooler
    that shares sessions); jobs in hand will then be rescued elsewhere. Raises StuckHandlers, drained, when handlers
    that ran out of time hold every place: a supervisor is to start the process again.
    A cancelled ``serve`` records nothing more, as after a crash.
    """
    from ledger.postgres.store.store import PostgresStore

    await serve_store(registry, PostgresStore(dsn), settings, stop=stop)


async def serve_store(
    registry: Registry, store: Store, settings: Settings | None = None, *, stop: asyncio.Event | None = None
) -> None:
    """As ``serve``, for a ledger that any ``Store`` keeps."""
    if not len(registry):
        raise LedgerError("the registry has no handlers", hint="register one with @registry.handler(name)")
    stop = stop or asyncio.Event()
    await first_of(stop.wait(), store.check())
    await _Service(registry, store, settings or Settings()).run(stop)


class _Service:
    def __init__(self, registry: Registry, store: Store, settings: Settings) -> None:
        # work may have to pass two polls, the leader's and then the claimer's: together they take one interval
        poll_s = settings.poll_interval / 2
        self._registry = registry
        self._store = store
        self._settings = settings
        self._poll_s = poll_s
        self._loop_thread = LoopThread()
        self._hints = Hints()
        self._clock = ServerClock()
        async_lane = Lane[ActiveAttempt](
            registry.names(is_async=True), EventLoopExecutor(self._loop_thread), limit=settings.concurrency
        )
        plain_lane = Lane[ActiveAttempt](
            registry.names(is_async=False), ThreadExecutor(self._loop_thread, settings.threads), limit=settings.threads
        )
        self._lanes = [lane for lane in (async_lane, plain_lane) if lane.names]
        self._leader = Leader(store, self._hints, self._clock, settings, poll_s)
        self._liveness = Liveness(
            store, registry.names(), settings, self._clock, loop_still_s=self._loop_thread.still_s,
            on_registered=lambda identity: self._loop_thread.post(self._registered.put_nowait, identity),
            on_lost=lambda identity: self._loop_thread.post(self._lose, identity),
            on_error=lambda error: self._loop_thread.post(self._fail, error),
        )  # fmt: skip
        self._registered: asyncio.Queue[Identity] = asyncio.Queue()
        self._worker: Worker | None = None
        self._failure: asyncio.Future[None] = self._loop_thread.loop.create_future()

    async def run(self, stop: asyncio.Event) -> None:
        leading = asyncio.create_task(self._leader.run())
        self._liveness.start()
        try:
            await first_of(self._work(stop), self._store.hear(self._hints.tell), asyncio.shield(leading), self._failure)
            self._liveness.stop()
            await join(self._liveness, LAST_PASS_S)
            self._leader.stop()
            await asyncio.wait([leading], timeout=LAST_PASS_S)
        finally:
            self._liveness.stop()
            for lane in self._lanes:
                lane.executor.close()
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
            self._failure.cancel()
        logger.info("stopped")

    async def _work(self, stop: asyncio.Event) -> None:
        """One worker after the other."""
        while not stop.is_set():
            await first_of(stop.wait(), self._next_worker())
            if self._worker is not None:
                self._leader.claim_along = self._worker.claim_along
                try:
                    await self._worker.run(stop)
                finally:
                    self._worker = self._leader.claim_along = None

    async def _next_worker(self) -> None:
        identity = await self._registered.get()
        logger.info("registered as processor %s", identity.processor)
        self._worker = Worker(
            identity, self._store, self._registry, self._settings, self._loop_thread, self._lanes, self._clock,
            self._hints, self._poll_s,
        )  # fmt: skip

    def _lose(self, identity: Identity) -> None:
        self._liveness.wake(identity)
        if self._worker is not None and self._worker.identity is identity:
            self._worker.lose()

    def _fail(self, error: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)
