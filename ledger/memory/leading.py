"""Leading, in memory: the election, ordering, releasing, and taking back what the dead have left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from ledger.memory.ledger import NEW_WORK
from ledger.memory.part import ACTOR
from ledger.memory.processors import Leader, Processor
from ledger.memory.work import Work
from ledger.ports.store import (
    AttemptEvent,
    ClaimRequest,
    Election,
    EndOfLog,
    FailingDuty,
    Heartbeats,
    Hint,
    Lease,
    Orphan,
    Pass,
    Released,
    Silent,
    TakenBack,
)


class Leading(Work):
    """The doors for the leader."""

    _leading: object | None = None
    _released_at: datetime | None = None

    async def join_election(self) -> None:
        self._leading = object()

    async def leave_election(self) -> None:
        with self._ledger.lock:
            leader = self._ledger.leader
            if leader is not None and leader.session is self._leading:
                leader.session = None
            self._leading = None

    async def ensure_epoch(self, seen: EndOfLog) -> str | None:
        with self._ledger.lock:
            log = self._ledger.log
            there = log[seen.last_seq - 1].id if 0 < seen.last_seq <= len(log) else None
            if seen.epoch == self._ledger.epoch and seen.last_seq > 0 and there != str(seen.event_id):
                self._ledger.begin_epoch()
            return None

    async def stand(self, candidate: UUID, host: str, pid: int, silent: int | None) -> Election:  # noqa: ARG002  as in beat
        with self._ledger.lock:
            leader = self._ledger.leader
            if leader is not None and leader.session is not None and leader.renewals != silent:
                return Election(False, leader.renewals, self._end())
            renewals = 1 if leader is None else leader.renewals + 1
            self._ledger.leader = Leader(candidate, self._leading, renewals)
            return Election(True, renewals, self._end())

    async def lead(self, leader: UUID) -> Lease:
        with self._ledger.lock:
            found = self._ledger.leader
            if found is None or found.id != leader:
                return Lease(False, self._end())
            found.renewals += 1
            return Lease(True, self._end())

    async def note_failing(self, leader: UUID, failing: Sequence[FailingDuty]) -> None:
        with self._ledger.lock:
            found = self._ledger.leader
            if found is not None and found.id == leader:
                found.failing = tuple(failing)

    async def sequence(self) -> Pass:
        with self._ledger.lock:
            fresh = self._ledger.order()
            new_work = any(event.type in NEW_WORK for event in fresh)
            if new_work:
                self._ledger.tell(Hint.WORK)
            return Pass(len(fresh), False, new_work, self._next_due())

    async def sequence_and_claim(self, request: ClaimRequest) -> Pass:
        with self._ledger.lock:
            made = await self.sequence()
            if not made.new_work:
                return made
            claimed = await self.claim(request) if self._living(request.processor) else []
            return made._replace(claimed=claimed)

    async def release(self) -> Released:
        with self._ledger.lock:
            now = self._ledger.now()
            for job_id in [job_id for job_id in self._ledger.pending if _is_past(self._expires_at(job_id), now)]:
                self._expire(job_id)
            since, self._released_at = self._released_at, now
            due = [run_at for job_id in self._ledger.pending if (run_at := self._job(job_id).run_at) is not None]
            new_work = any(run_at <= now and (since is None or run_at > since) for run_at in due)
            if new_work:
                self._ledger.tell(Hint.WORK)
            return Released(new_work, self._next_due())

    async def heartbeats(self) -> Heartbeats:
        with self._ledger.lock:
            everyone = self._ledger.processors.items()
            beats = [(processor, one.beats) for processor, one in everyone if not one.is_gone]
            return Heartbeats(beats, any(one.is_gone and one.claims for _, one in everyone))

    async def rescue(
        self, silent: Sequence[Silent], settle: Callable[[Orphan], Sequence[AttemptEvent]]
    ) -> list[TakenBack]:
        with self._ledger.lock:
            overdue = {one.processor for one in silent if one.overdue}
            for processor, beats, _ in silent:
                found = self._living(processor)
                if found and found.beats == beats and (processor in overdue or found.session is None):
                    found.is_gone = True
                    noticed_by = "heartbeat" if processor in overdue else "lock"
                    self._note("processor.lost", processor, noticed_by=noticed_by)
            taken_back = []
            for processor, one in self._ledger.processors.items():
                if one.is_gone and one.claims:
                    noticed_by = "heartbeat" if processor in overdue else "lock"
                    orphans = self._orphans(processor, one, noticed_by)
                    for event in [event for orphan in orphans for event in settle(orphan)]:
                        self._append(event)
                    for orphan in orphans:
                        self._ledger.settle_cancel(UUID(orphan.job_id))
                    one.claims.clear()
                    taken_back.append(TakenBack(processor, len(orphans)))
            return taken_back

    def _expires_at(self, job_id: UUID) -> datetime | None:
        request = self._job(job_id).request
        return request.limits.expires_at if request else None

    def _next_due(self) -> datetime | None:
        now = self._ledger.now()
        times = [at for job_id in self._ledger.pending for at in (self._job(job_id).run_at, self._expires_at(job_id))]
        return min((at for at in times if at is not None and at > now), default=None)

    def _orphans(self, processor: UUID, one: Processor, noticed_by: str) -> list[Orphan]:
        left = [job for attempts in one.claims.values() for job in attempts if self._runs(processor, *job)]
        now = self._ledger.now()
        return [
            Orphan(
                processor,
                noticed_by,
                str(job_id),
                attempt,
                self._job(job_id).losses,
                len(left) == 1,
                self._losses_alone(job_id),
                now,
            )
            for job_id, attempt in left
        ]

    def _losses_alone(self, job_id: UUID) -> int:
        lost = [e for e in self._ledger.events.values() if e.type == "attempt.lost" and e.job_id == str(job_id)]
        return sum(json.loads(event.data).get("alone") is True for event in lost)

    def _expire(self, job_id: UUID) -> None:
        message = f"not finished by {self._expires_at(job_id)}"
        error = {"type": "Expired", "message": message, "retryable": False}
        data = json.dumps({"attempts": self._job(job_id).attempt, "error": error})
        owner = self._ledger.requests[job_id].owner
        self._ledger.note("job.failed", data, owner=owner, actor=ACTOR, job_id=job_id)

    def _end(self) -> EndOfLog:
        log = self._ledger.log
        return EndOfLog(self._ledger.epoch, len(log), UUID(log[-1].id) if log else None)


def _is_past(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
