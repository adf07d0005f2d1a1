"""The events of a ledger in memory, their one order, and what they add up to.

Each door of a port takes ``lock`` for as long as it runs: so it is one transaction, and nobody sees half of one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from ledger.memory.clients import Clients
from ledger.memory.processors import Leader, Processor
from ledger.model.catalogue import CLIENT_TYPES
from ledger.model.facts import read_fact
from ledger.model.fold import JobState, fold
from ledger.model.ids import new_id
from ledger.ports.store import Hint

NEW_WORK: Final = frozenset({"job.requested", "attempt.failed", "attempt.deferred", "attempt.lost"})
"""After these a job may be ready to start that was not before."""


class StoredEvent(NamedTuple):
    """An event as it is kept: ids and times as texts, ``data`` as the exact text that arrived."""

    id: str
    job_id: str | None
    type: str
    v: int
    owner: str
    actor: str
    occurred_at: str
    recorded_at: str
    data: str
    replica_id: str | None = None
    replica_seq: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


class MemoryLedger:
    """All that a ledger keeps. ``clock`` gives the time, aware: the server's clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.lock = threading.RLock()
        self.clients: Final = Clients()
        self.readers: list[Callable[[], object]] = []
        """Are called when the log has grown, while the lock is held, in whatever thread."""
        self.now: Final = clock
        self.epoch = uuid4()
        self.epoch_number = 1
        self.events: dict[str, StoredEvent] = {}
        self.log: list[StoredEvent] = []
        """Number n of the log stands at n - 1."""
        self.jobs: dict[UUID, JobState] = {}
        self.requests: dict[UUID, StoredEvent] = {}
        """The request of each job, also while it is not in order."""
        self.numbers: dict[UUID, int] = {}
        """The number of each job's request in the log: first come, first served."""
        self.pending: set[UUID] = set()
        self.processors: dict[UUID, Processor] = {}
        self.leader: Leader | None = None
        self.listeners: list[Callable[[Hint], object]] = []
        """Are called while the lock is held, in whatever thread."""
        self._arrived: list[StoredEvent] = []

    def append(self, event: StoredEvent) -> bool:
        """Keep an event, to be put in order later. False where it is known, or its job was requested before."""
        job_id = None if event.job_id is None else UUID(event.job_id)
        if event.id in self.events:
            return False
        if event.type == "job.requested" and job_id is not None:
            if job_id in self.requests:
                return False
            self.requests[job_id] = event
        self.events[event.id] = event
        self._arrived.append(event)
        # what clients write has its effect when it is put in order; what processors write has it at once
        if event.type not in CLIENT_TYPES:
            self._fold(event)
        self.tell(Hint.EVENTS)
        return True

    def note(self, kind: str, data: str, *, owner: str, actor: str, job_id: UUID | None = None) -> None:
        """Append an event of the server's own."""
        at = self.now().isoformat()
        job = None if job_id is None else str(job_id)
        self.append(StoredEvent(str(new_id()), job, kind, 1, owner, actor, at, at, data))

    def order(self) -> list[StoredEvent]:
        """Put all that has arrived in order, with what follows from it. Gives those events."""
        fresh, self._arrived = self._arrived, []
        for event in fresh:
            self.log.append(event)
            if event.type == "job.requested" and event.job_id is not None:
                self.numbers[UUID(event.job_id)] = len(self.log)
            if event.type in CLIENT_TYPES:
                self._fold(event)
        for job_id in dict.fromkeys(UUID(event.job_id) for event in fresh if event.job_id is not None):
            self.settle_cancel(job_id)
        if any(event.type == "job.cancel_requested" for event in fresh):
            self.tell(Hint.CANCELS)
        if fresh:
            for reader in list(self.readers):
                reader()
        return fresh

    def settle_cancel(self, job_id: UUID) -> None:
        """Write down the end of a job that was asked to stop and does not run."""
        state = self.jobs.get(job_id)
        if state is not None and state.request is not None and state.status == "cancelled" and state.ending is None:
            attempt = str(state.attempt) if state.attempts else "null"
            self.note(
                "job.cancelled", f'{{"attempt":{attempt}}}', owner=state.request.owner, actor="server", job_id=job_id
            )

    def begin_epoch(self) -> UUID:
        """The numbers of the log mean something else from now on."""
        self.epoch, self.epoch_number = uuid4(), self.epoch_number + 1
        return self.epoch

    def tell(self, hint: Hint) -> None:
        """Tell all who listen."""
        for listener in list(self.listeners):
            listener(hint)

    def _fold(self, event: StoredEvent) -> None:
        if event.job_id is None:
            return
        job_id = UUID(event.job_id)
        fact = read_fact(
            event.id, event.type, event.v, event.owner, event.actor, event.recorded_at, event.data, event.correlation_id
        )
        state = self.jobs[job_id] = fold(self.jobs.get(job_id) or JobState(job_id), fact)
        if state.request is not None and state.status == "pending":
            self.pending.add(job_id)
        else:
            self.pending.discard(job_id)
