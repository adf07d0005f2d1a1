"""One registered processor at work: claiming, running, recording, until it is told to stop or given up."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from ledger.errors import LedgerError, ServerUnreachable
from processor.executors.waiting import first_of
from processor.work.cancels import CancelWatch
from processor.work.claimer import Claimer
from processor.work.ends import EndEvents
from processor.work.lanes import STALE_S
from processor.work.recorder import Recorder
from processor.work.reporter import Reporter
from processor.work.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ledger.ports.store import ClaimRequest, Pass, Store
    from processor.executors.loop_thread import LoopThread
    from processor.handlers.registry import Registry
    from processor.session.clock import ServerClock
    from processor.session.hints import Hints
    from processor.session.liveness import Identity
    from processor.settings import Settings
    from processor.work.attempt import ActiveAttempt
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
        lanes: Sequence[Lane[ActiveAttempt]],
        clock: ServerClock,
        hints: Hints,
        poll_s: float,
    ) -> None:
        self.identity: Final = identity
        self._store = store
        self._settings = settings
        self._lost = asyncio.Event()
        self._recorder = Recorder(store, identity.processor, settings.retry, self._lose_attempt)
        self._reporter = Reporter(loop_thread, self._recorder)
        self._runner = Runner(lanes, self._recorder, self._reporter, EndEvents(clock, settings.retry), hints)
        self._cancels = CancelWatch(store, identity.processor, hints, poll_s, self._runner.in_hand, self._runner.cancel)
        self._claimer = Claimer(
            store, identity, registry, settings, lanes, self._recorder, self._cancels, hints, poll_s, self._runner.take
        )

    async def claim_along(self, make_pass: Callable[[ClaimRequest], Awaitable[Pass]]) -> Pass | None:
        """``Claimer.claim_along``, for the leader."""
        return await self._claimer.claim_along(make_pass)

    def lose(self) -> None:
        """The identity is lost: stop everything at once, and record nothing more."""
        self._lost.set()
        self._runner.lose_all()
        self._recorder.close()

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
                self._recorder.run(),
                self._cancels.run(),
                self._watch_deadline(),
                self._watch_stale(),
            )
        finally:
            self._reporter.close()
            self.lose()
            await self._store.disconnect()

    async def _work(self, stop: asyncio.Event) -> None:
        claiming = asyncio.create_task(self._claimer.run())
        try:
            await first_of(stop.wait(), asyncio.shield(claiming), self._runner.stuck.wait())
            if stop.is_set() or self._runner.stuck.is_set():
                self._claimer.stop()
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
        self._runner.give_back_waiting()
        logger.info("draining: %d jobs are running", len(self._runner.in_hand))
        if not await self._runner.until_empty(timeout_s):
            await self._runner.stop_all(CLEAN_UP_S)
        try:
            async with asyncio.timeout(max(timeout_s, SHORTEST_FLUSH_S)):
                await self._recorder.flush()
                await self._recorder.forget_ended_claims()
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
            self._runner.give_back_stale()

    def _lose_attempt(self, attempt: ActiveAttempt) -> None:
        self._runner.lose(attempt)
