"""Recording what happens in attempts: all that comes while one statement is under way goes with the next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.errors import one_line
from ledger.model.data import JobError
from ledger.ports.store import Unrecordable
from processor.attempt_events import attempt_events
from processor.handlers.outcome import Failed
from processor.handlers.stopping import JobCancelled
from processor.work.conclude import conclude

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ledger.ports.store import AttemptEvent, AttemptKey, Store
    from processor.entry import Entry
    from processor.handlers.retry import RetryPolicy
    from processor.work.attempt import ActiveAttempt

logger = logging.getLogger(__name__)

MAX_EVENTS: Final = 2_000
MAX_CHARS: Final = 8_000_000
STALLED_S: Final = 2.0
"""While a statement has had no answer for so long, no further job is claimed: its end would wait as well."""
FORGET_AFTER_S: Final = 1.0
"""Claims that have ended are forgotten together, at most this much later. Nothing waits for that."""


class Bundle(NamedTuple):
    """Events of one attempt that are recorded together or not at all."""

    attempt: ActiveAttempt
    events: list[AttemptEvent]
    ends: bool
    receipt: Future[None] | None


class Recorder:
    """Sends what one registered processor has to record, in the order in which it was added.

    The store sends a statement again when the connection breaks. The events keep their ids, so this is harmless. What
    comes too late, as the attempt is no longer this processor's, is kept in the ledger as ``attempt.superseded``, and
    ``on_superseded`` is called with the attempt.
    """

    def __init__(
        self, store: Store, processor: UUID, policy: RetryPolicy, on_superseded: Callable[[ActiveAttempt], None]
    ) -> None:
        self._store = store
        self._processor = processor
        self._policy = policy
        self._on_superseded = on_superseded
        self._waiting: deque[Bundle] = deque()
        self._sending: list[Bundle] = []
        self._sending_since: float | None = None
        self._ended_claims: list[UUID] = []
        self._forget_timer: asyncio.TimerHandle | None = None
        self._forget_now = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._sent = asyncio.Event()

    def add(
        self, attempt: ActiveAttempt, entries: list[Entry], *, ends: bool = False, receipt: Future[None] | None = None
    ) -> None:
        """Take in events of an attempt. ``ends``: its last ones. ``receipt`` is done when they are recorded."""
        rows = attempt_events(attempt.job.job_id, attempt.job.attempt, entries, time.time_ns())
        self._waiting.append(Bundle(attempt, rows, ends, receipt))
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Send for ever. Raises what is neither transient nor about one event's data."""
        await self._store.connect()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._sending = self._next_batch()
                self._sending_since = time.monotonic()
                await self._send(self._sending)
                self._sending, self._sending_since = [], None
                self._sent.set()
            if self._forget_now:
                self._forget_now = False
                await self.forget_ended_claims()
            elif self._ended_claims and self._forget_timer is None:
                self._forget_timer = asyncio.get_running_loop().call_later(FORGET_AFTER_S, self._forget_soon)
            if not self._waiting:
                self._idle.set()

    def is_behind(self, most: int) -> bool:
        """Whether more than so many bundles wait to be sent, or what was sent has had no answer for too long."""
        since = self._sending_since
        return len(self._waiting) > most or (since is not None and time.monotonic() - since > STALLED_S)

    async def keep_up(self, most: int) -> None:
        """Wait until it is not behind."""
        while self.is_behind(most):
            self._sent.clear()
            await self._sent.wait()

    async def flush(self) -> None:
        """Wait until all that was added is recorded."""
        await self._idle.wait()

    async def forget_ended_claims(self) -> None:
        """Let the server forget the claims of which every job has ended."""
        claims, self._ended_claims = self._ended_claims, []
        if claims:
            await self._store.forget_claims(self._processor, claims)

    def release(self, attempt: ActiveAttempt) -> None:
        """Count an attempt as ended in its claim: nothing more of it will be recorded."""
        claim = attempt.claim
        claim.open -= 1
        if claim.open == 0:
            self._ended_claims.append(claim.id)

    def close(self) -> None:
        """Drop what is not recorded. Its receipts get an error."""
        if self._forget_timer is not None:
            self._forget_timer.cancel()
        for bundle in (*self._sending, *self._waiting):
            if bundle.receipt is not None and not bundle.receipt.done():
                bundle.receipt.set_exception(JobCancelled("the processor lost this attempt"))
        self._sending = []
        self._waiting.clear()

    def _forget_soon(self) -> None:
        self._forget_timer = None
        self._forget_now = True
        self._wake.set()

    def _next_batch(self) -> list[Bundle]:
        batch: list[Bundle] = []
        events = chars = 0
        while self._waiting and events < MAX_EVENTS and chars < MAX_CHARS:
            bundle = self._waiting.popleft()
            batch.append(bundle)
            for row in bundle.events:
                events += 1
                chars += len(row.data)
        return batch

    async def _send(self, batch: list[Bundle]) -> None:
        rows = [row for bundle in batch for row in bundle.events]
        try:
            late = await self._store.record(self._processor, rows) if rows else None
        except Unrecordable as error:
            await self._send_apart(batch, error)
            return
        if late:
            self._report_late(late, batch)
        for bundle in batch:
            self._answer(bundle)

    async def _send_apart(self, batch: list[Bundle], error: Unrecordable) -> None:
        """Find the bundle that the ledger refuses, by halves; record the others."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._send(batch[:middle])
            await self._send(batch[middle:])
            return
        bundle = batch[0]
        job = bundle.attempt.job
        logger.error("job %s attempt %s: cannot be recorded: %s", job.job_id, job.attempt, one_line(error))
        if bundle.receipt is not None and not bundle.receipt.done():
            bundle.receipt.set_exception(error)
        if not bundle.ends:
            return
        reason = JobError(
            type="Unrecordable", message=f"how it ended cannot be recorded: {one_line(error)[:1000]}", retryable=False
        )
        self.add(bundle.attempt, conclude(job, Failed(reason), datetime.now(UTC), self._policy), ends=True)

    def _report_late(self, late: set[AttemptKey], batch: list[Bundle]) -> None:
        for bundle in batch:
            job = bundle.attempt.job
            if (job.job_id, job.attempt) not in late:
                continue
            logger.warning("job %s attempt %s: superseded; what it sent is kept as evidence", job.job_id, job.attempt)
            if bundle.receipt is not None and not bundle.receipt.done():
                bundle.receipt.set_exception(JobCancelled(f"attempt {job.attempt} of job {job.job_id} was superseded"))
            self._on_superseded(bundle.attempt)

    def _answer(self, bundle: Bundle) -> None:
        if bundle.receipt is not None and not bundle.receipt.done():
            bundle.receipt.set_result(None)
        if bundle.ends:
            self.release(bundle.attempt)
