"""Claiming jobs and recording what comes of them, in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from uuid import UUID

from ledger.memory.part import ACTOR, Part
from ledger.model.ids import new_id
from ledger.ports.store import AttemptEvent, AttemptKey, Claimed, ClaimRequest, CompletedStep, NotRegistered


class Work(Part):
    """The doors for jobs."""

    async def claim(self, request: ClaimRequest) -> list[Claimed]:
        with self._ledger.lock:
            found = self._living(request.processor)
            if found is None:
                raise NotRegistered(f"processor {request.processor} is not registered, has stopped or was given up")
            best = sorted(self._ready(request), key=self._place)
            claimed = [self._start(request.processor, job_id) for job_id in best[: request.limit]]
            if claimed:
                found.claims[request.claim] = [(UUID(job.job_id), job.attempt) for job in claimed]
            return claimed

    async def unknown_claims(self, processor: UUID, known: Sequence[UUID]) -> list[tuple[UUID, list[Claimed]]]:
        with self._ledger.lock:
            claims = self._ledger.processors[processor].claims
            return [
                (claim, running)
                for claim, attempts in claims.items()
                if claim not in known
                and (running := [self._claimed(job) for job, n in attempts if self._runs(processor, job, n)])
            ]

    async def steps(self, job_ids: Sequence[str]) -> list[CompletedStep]:
        with self._ledger.lock:
            return [
                CompletedStep(event.job_id, event.data)
                for event in self._ledger.events.values()
                if event.type == "step.completed" and event.job_id is not None and event.job_id in job_ids
            ]

    async def cancelled(self, processor: UUID, job_ids: Sequence[str]) -> list[str]:
        with self._ledger.lock:
            states = [(job_id, self._ledger.jobs.get(UUID(job_id))) for job_id in job_ids]
            return [job_id for job_id, state in states if state and state.cancel and state.processor == processor]

    async def record(self, processor: UUID, events: Sequence[AttemptEvent]) -> set[AttemptKey]:
        with self._ledger.lock:
            keys = {AttemptKey(event.job_id, int(event.attempt)) for event in events}
            held = {key for key in keys if self._runs(processor, UUID(key.job_id), key.attempt)}
            late = set()
            for event in events:
                key = AttemptKey(event.job_id, int(event.attempt))
                if key in held:
                    self._append(event)
                elif event.id not in self._ledger.events:
                    late.add(key)
                    self._append(_superseded(processor, event))
            for key in held:
                self._ledger.settle_cancel(UUID(key.job_id))
            return late

    async def forget_claims(self, processor: UUID, claims: Sequence[UUID]) -> None:
        with self._ledger.lock:
            for claim in claims:
                self._ledger.processors[processor].claims.pop(claim, None)

    def _ready(self, request: ClaimRequest) -> Iterable[UUID]:
        now = self._ledger.now()
        for job_id in self._ledger.pending:
            state = self._job(job_id)
            asked = state.request
            is_ours = asked and asked.name in request.names and asked.namespace in request.namespaces
            if is_ours and (state.run_at is None or state.run_at <= now):
                yield job_id

    def _place(self, job_id: UUID) -> tuple[int, int]:
        request = self._job(job_id).request
        return -request.priority if request else 0, self._ledger.numbers[job_id]

    def _start(self, processor: UUID, job_id: UUID) -> Claimed:
        state = self._job(job_id)
        data = json.dumps({"attempt": state.attempt + 1, "processor": str(processor)})
        owner = self._ledger.requests[job_id].owner
        self._ledger.note("attempt.started", data, owner=owner, actor=ACTOR, job_id=job_id)
        return self._claimed(job_id)

    def _claimed(self, job_id: UUID) -> Claimed:
        state, stored = self._job(job_id), self._ledger.requests[job_id]
        request = state.request
        assert request is not None, "a job that was claimed is in order"
        timeout = request.limits.timeout
        return Claimed(
            str(job_id),
            request.name,
            state.attempt,
            state.failures,
            state.losses,
            request.limits.max_attempts,
            None if timeout is None else round(timeout * 1000),
            request.owner,
            request.at,
            stored.data,
        )


def _superseded(processor: UUID, event: AttemptEvent) -> AttemptEvent:
    late = {"type": event.type, "data": json.loads(event.data)}
    data = json.dumps({"attempt": int(event.attempt), "processor": str(processor), "late": late})
    return event._replace(id=str(new_id()), type="attempt.superseded", data=data)
