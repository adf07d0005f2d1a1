"""Claiming jobs, and recording what comes of them: whole batches, each column an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from ledger.ports.store import AttemptEvent, AttemptKey, Claimed, ClaimRequest, CompletedStep
from ledger.postgres.arrays import bare, quoted
from ledger.postgres.store.link import Link

CLAIM: Final = """
    select c.job_id::text, c.name, c.attempt, c.failures, c.losses, c.max_attempts, c.timeout_ms, c.owner,
           c.requested_at, c.request
    from ledger.claim(%(processor)s, %(claim)s, %(namespaces)s, %(names)s, %(limit)s) c
"""
UNKNOWN_CLAIMS: Final = """
    select c.claim, j.job_id::text, j.name, j.attempt, j.failures, j.losses, j.max_attempts, j.timeout_ms, j.owner,
           e.recorded_at, e.data::text
    from ledger.claims c
    cross join lateral unnest(c.job_ids, c.attempts) x (job_id, attempt)
    join ledger.jobs j
        on j.job_id = x.job_id and j.attempt = x.attempt and j.processor = c.processor and j.status = 'running'
    join ledger.events e on e.job_id = j.job_id and e.type = 'job.requested'
    where c.processor = %(processor)s and c.claim <> all (%(known)s::uuid[])
    order by c.claim, j.priority desc, j.seq
"""
COMPLETED_STEPS: Final = "select s.job_id::text, s.data from ledger.completed_steps(%(job_ids)s::uuid[]) s"
CANCELLED: Final = "select f::text from ledger.find_cancelled(%(processor)s, %(job_ids)s::uuid[]) f"
RECORD: Final = """
    select r.job_id::text, r.attempt
    from ledger.record(
        %(processor)s, %(ids)s::uuid[], %(job_ids)s::uuid[], %(attempts)s::integer[], %(types)s::text[],
        %(occurred_at)s::timestamptz[], %(data)s::text[]) r
"""
"""Gives the attempts for which something came too late."""
FORGET: Final = "select ledger.forget_claims(%(processor)s, %(claims)s::uuid[])"


class Work:
    """Two connections: one for claims and what goes with them, one for records."""

    def __init__(self, dsn: str) -> None:
        self._claims = Link(dsn, "claimer")
        self._records = Link(dsn, "recorder")

    async def claim(self, request: ClaimRequest) -> list[Claimed]:
        return [Claimed(*row) for row in await self._claims.fetch_once(CLAIM, request._asdict())]

    async def unknown_claims(self, processor: UUID, known: Sequence[UUID]) -> list[tuple[UUID, list[Claimed]]]:
        parameters = {"processor": processor, "known": bare(map(str, known))}
        rows = await self._claims.fetch(UNKNOWN_CLAIMS, parameters)
        return [(claim, [Claimed(*row[1:]) for row in jobs]) for claim, jobs in groupby(rows, key=lambda row: row[0])]

    async def steps(self, job_ids: Sequence[str]) -> list[CompletedStep]:
        return [CompletedStep(*row) for row in await self._claims.fetch(COMPLETED_STEPS, {"job_ids": bare(job_ids)})]

    async def cancelled(self, processor: UUID, job_ids: Sequence[str]) -> list[str]:
        parameters = {"processor": processor, "job_ids": bare(job_ids)}
        return [job_id for (job_id,) in await self._claims.fetch(CANCELLED, parameters)]

    async def record(self, processor: UUID, events: Sequence[AttemptEvent]) -> set[AttemptKey]:
        late = await self._records.fetch(RECORD, columns(processor, events))
        return {AttemptKey(*row) for row in late}

    async def forget_claims(self, processor: UUID, claims: Sequence[UUID]) -> None:
        await self._records.fetch(FORGET, {"processor": processor, "claims": bare(map(str, claims))})

    async def connect(self) -> None:
        await self._records.open()

    async def disconnect(self) -> None:
        await self._claims.close()
        await self._records.close()


def columns(processor: UUID, events: Sequence[AttemptEvent]) -> Mapping[str, Any]:
    """What ``RECORD`` takes. There must be at least one event."""
    ids, job_ids, attempts, types, occurred_at, data = zip(*events, strict=True)
    return {
        "processor": processor,
        "ids": bare(ids),
        "job_ids": bare(job_ids),
        "attempts": bare(attempts),
        "types": bare(types),
        "occurred_at": bare(occurred_at),
        "data": quoted(data),
    }
