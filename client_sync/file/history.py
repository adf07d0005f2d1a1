"""The events of a job, as the file holds them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final

from ledger.model.events import Event, parse_event
from ledger.ports.server import EventRow

# Until the server has said whose an own event is, it is the file's owner's: a cancel counts by its owner.
_EVENTS: Final = """
    select e.id, e.job_id, e.type, e.v, coalesce(e.owner, p.owner, 'local'), coalesce(e.actor, p.owner, 'local'), e.seq,
           e.occurred_at, e.recorded_at, e.replica_id, e.replica_seq, e.correlation_id, e.causation_id, e.data
    from events e cross join replica p
    where e.job_id = :job_id
    order by e.seq is null, e.life, e.seq, e.local_seq"""


def read_history(connection: sqlite3.Connection, job_id: str) -> Iterator[Event]:
    """Everything the file holds about a job: first what the server has put in order, then what it has not yet."""
    rows = connection.execute(_EVENTS, {"job_id": job_id})
    return (parse_event(EventRow._make(row)._asdict()) for row in rows)
