"""What every part of the port ``Store`` needs of a ledger in memory. To be used with the ledger's lock held."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID

from ledger.memory.ledger import MemoryLedger, StoredEvent
from ledger.memory.processors import Processor
from ledger.model.fold import JobState
from ledger.ports.store import AttemptEvent

ACTOR: Final = "processor"
"""By whom the events of processors are, and whose are those that are about no job."""


class Part:
    """One processor service's part in a ledger."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    def _living(self, processor: UUID) -> Processor | None:
        found = self._ledger.processors.get(processor)
        return None if found is None or found.is_gone else found

    def _job(self, job_id: UUID) -> JobState:
        return self._ledger.jobs[job_id]

    def _runs(self, processor: UUID, job_id: UUID, attempt: int) -> bool:
        state = self._ledger.jobs.get(job_id)
        return state is not None and state.attempt == attempt and state.read().processor == processor

    def _append(self, event: AttemptEvent) -> None:
        owner = self._ledger.requests[UUID(event.job_id)].owner
        now = self._ledger.now().isoformat()
        self._ledger.append(
            StoredEvent(event.id, event.job_id, event.type, 1, owner, ACTOR, event.occurred_at, now, event.data)
        )

    def _note(self, kind: str, processor: UUID, **data: object) -> None:
        text = json.dumps({"processor": str(processor), **data})
        self._ledger.note(kind, text, owner=ACTOR, actor=ACTOR)
