"""Events of an attempt, as a ``Store`` records them: all texts, each with an id that it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from ledger.model.ids import new_id
from ledger.ports.store import AttemptEvent
from processor.entry import Entry


def attempt_events(job_id: str, attempt: int, entries: Iterable[Entry], occurred_at_ns: int) -> list[AttemptEvent]:
    """Give the events of one attempt their ids, which stay the same however often they are sent.

    ``occurred_at_ns`` counts from 1970, as ``time.time_ns`` does.
    """
    second, rest = divmod(occurred_at_ns, 1_000_000_000)
    number, at = str(attempt), f"{_second_text(second)}.{rest // 1000:06d}Z"
    return [AttemptEvent(new_id.text(), job_id, number, entry.type, at, entry.data) for entry in entries]


@lru_cache(maxsize=4)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()
