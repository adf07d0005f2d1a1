"""One registered processor at work: claiming, running, recording, until it is told to stop or given up."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ledger.errors import LedgerError, ServerUnreachable
from processor.executors.loop_thread import first_of
from processor.work.claimer import Claimer
from processor.work.lanes import STALE_S
from processor.work.recorder import Recorder
from processor.work.reporter import Reporter
from processor.work.runner import Runner

if TYPE_CHECKING:
    from ledger.ports.store import Store
    from processor.executors.loop_thread import LoopThread
    from processor.executors.threads import Threads
    from processor.handlers.registry import Handler, Registry
    from processor.session.clock import ServerClock
    from processor.session.hints import Hints
    from processor.session.liveness import Identity
    from processor.settings import Settings
    from processor.work.attempt import Attempt
    from processor.work.lanes import Lane

logger = logging.getLogger(__name__)

LAST_CLAIM_S: Final = 2.0
"""How long a claim under way may take when the processor stops. What is granted after that will be rescued."""
CLEAN_UP_S: Final = 1.0
"""After the drain timeout: how long stopped handlers may clean up before their jobs are given back all the same."""
SHORTEST_FLUSH_S: Final = 5.0


class StuckHandlers(LedgerError):
    """Handlers that ran out of time hold every place, and cannot be stopped. What could be recorded is."""


class Worker:
    """One registered processor at work."""

    def __init__(
        self,
        identity: Identity,
        store: Store,
        registry: Registry,
        settings: Settings,
        loop_thread: LoopThread,
        lanes: Sequence[Lane],
        threads: Threads,
        clock: ServerClock,
        hints: Hints,
        poll_s: float,
    ) -> None:
        self.identity: Final = identity
        self.loop_thread: Final = loop_thread
        self.lanes: Final = lanes
        self._lane_of = {lane.is_async: lane for lane in lanes}
        self.hints: Final = hints
        self.reports_lock: Final = threading.Lock()
        self._settings = settings
        self._lost = asyncio.Event()
        self._store = store
        self.recorder: Final = Recorder(store, identity.processor, settings.retry, self._superseded)
        self.reporter: Final = Reporter(self.recorder)
        self.runner: Final = Runner(loop_thread, lanes, threads, self.recorder, clock, settings.retry, hints)
        self.claimer: Final = Claimer(store, self, registry, settings, poll_s)

    def lane_for(self, handler: Handler) -> Lane:
        """Where jobs of this handler run."""
        return self._lane_of[handler.is_async]

    def lose(self) -> None:
        """The identity is lost: stop everything at once, and record nothing more."""
        self._lost.set()
        self.runner.lose_all()
        self.recorder.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``, then drain; or until the identity is lost.

        Raises ServerUnreachable where the drain ended with ends that could not be recorded; their jobs will be rescued.
        Raises StuckHandlers, drained, when only a new process can run jobs again.
        """
        if self.identity.lost:
            return
        try:
            await first_of(
                self._lost.wait(),
                self._work(stop),
                self.recorder.run(),
                self.claimer.watch_cancels(),
                self._watch_deadline(),
                self._watch_stale(),
            )
        finally:
            self.reporter.close()
            self.lose()
            await self._store.disconnect()

    async def _work(self, stop: asyncio.Event) -> None:
        claiming = asyncio.create_task(self.claimer.run())
        try:
            await first_of(stop.wait(), asyncio.shield(claiming), self.runner.stuck.wait())
            if stop.is_set() or self.runner.stuck.is_set():
                self.claimer.stop()
                await asyncio.wait([claiming], timeout=LAST_CLAIM_S)
                await self._drain()
                if not stop.is_set():
                    raise StuckHandlers(
                        "every place is held by a handler that ran out of time and does not return",
                        hint="restart the processor; let handlers call job.raise_if_cancelled() now and then",
                    )
        finally:
            claiming.cancel()

    async def _drain(self) -> None:
        timeout_s = self._settings.drain_timeout
        self.runner.give_back_waiting()
        logger.info("draining: %d jobs are running", len(self.runner.in_hand))
        if not await self.runner.until_empty(timeout_s):
            await self.runner.stop_all(CLEAN_UP_S)
        try:
            async with asyncio.timeout(max(timeout_s, SHORTEST_FLUSH_S)):
                await self.recorder.flush()
                await self.recorder.forget_ended_claims()
        except TimeoutError:
            raise ServerUnreachable(
                "some ends could not be recorded before the processor stopped",
                hint="their jobs will run again elsewhere",
            ) from None

    async def _watch_deadline(self) -> None:
        """Stop before others may take the jobs, also when the heartbeat hangs and says nothing."""
        lease_s = self._settings.lease
        while True:
            await asyncio.sleep(lease_s / 16)
            silent_s = time.monotonic() - self.identity.renewed_at
            if silent_s > lease_s / 2:
                self.identity.lose(f"no heartbeat for {silent_s:.1f} s")

    async def _watch_stale(self) -> None:
        while True:
            await asyncio.sleep(STALE_S / 2)
            self.runner.give_back_stale()

    def _superseded(self, attempt: Attempt) -> None:
        self.runner.lose(attempt)
