"""Events as ``ledger.record`` takes them: whole batches, each column an array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from ledger.model.ids import new_id
from ledger.postgres.arrays import bare, quoted
from processor.handlers.outcome import Entry

RECORD: Final = """
    select r.job_id::text, r.attempt
    from ledger.record(
        %(processor)s, %(ids)s::uuid[], %(job_ids)s::uuid[], %(attempts)s::integer[], %(types)s::text[],
        %(occurred_at)s::timestamptz[], %(data)s::text[]) r
"""
"""Gives the attempts for which something came too late."""


class Row(NamedTuple):
    """One event, all texts."""

    id: str
    job_id: str
    attempt: str
    type: str
    occurred_at: str
    data: str


def rows_of(job_id: str, attempt: int, entries: Iterable[Entry], occurred_at_ns: int) -> list[Row]:
    """Give the events of one attempt their ids, which stay the same however often they are sent.

    ``occurred_at_ns`` counts from 1970, as ``time.time_ns`` does.
    """
    second, rest = divmod(occurred_at_ns, 1_000_000_000)
    number, at = str(attempt), f"{_second_text(second)}.{rest // 1000:06d}Z"
    return [Row(new_id.text(), job_id, number, entry.type, at, entry.data) for entry in entries]


@lru_cache(maxsize=4)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()


def parameters(processor: UUID, rows: Sequence[Row]) -> Mapping[str, Any]:
    """What ``RECORD`` takes. There must be at least one row."""
    ids, job_ids, attempts, types, occurred_at, data = zip(*rows, strict=True)
    return {
        "processor": processor,
        "ids": bare(ids),
        "job_ids": bare(job_ids),
        "attempts": bare(attempts),
        "types": bare(types),
        "occurred_at": bare(occurred_at),
        "data": quoted(data),
    }
