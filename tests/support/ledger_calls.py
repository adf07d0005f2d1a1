"""Calling the schema's functions as a client or a processor would, for tests of the schema itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow
from waiting import until

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, PushReply
from ledger.ports.server import EventColumns
from ledger.ports.store import ClaimRequest
from ledger.postgres.feed import verify
from ledger.postgres.server import statements
from ledger.postgres.store.registration import REGISTER
from ledger.postgres.store.work import CLAIM


@dataclass(frozen=True)
class Draft:
    """An event as a client sends it. Texts are sent as they are, also when they are wrong."""

    type: str = "job.requested"
    data: str = '{"name": "noop"}'
    job_id: str = field(default_factory=lambda: str(new_id()))
    id: str = field(default_factory=lambda: str(new_id()))
    v: int = 1
    occurred_at: str = "2026-01-01T00:00:00Z"
    correlation_id: str | None = None
    causation_id: str | None = None


def push(
    client: Connection[DictRow], replica: UUID, base: int, events: Sequence[Draft], on_behalf_of: str | None = None
) -> PushReply:
    return statements.push(client, replica, base, columns(events), on_behalf_of)


def columns(events: Sequence[Draft]) -> EventColumns:
    """The events as the port takes them."""
    return EventColumns(
        [e.id for e in events], [e.job_id for e in events], [e.type for e in events], [e.v for e in events],
        [e.occurred_at for e in events], [e.correlation_id for e in events], [e.causation_id for e in events],
        [e.data for e in events],
    )  # fmt: skip


def push_jobs(client: Connection[DictRow], count: int, **request: Any) -> list[UUID]:
    """Request so many jobs from a new replica; their ids."""
    drafts = [Draft(data=json.dumps({"name": "noop", **request})) for _ in range(count)]
    reply = push(client, new_id(), 0, drafts)
    assert isinstance(reply, Accepted)
    assert reply.refused == ()
    return [UUID(draft.job_id) for draft in drafts]


def cancel(client: Connection[DictRow], job_id: UUID) -> None:
    reply = push(client, new_id(), 0, [Draft("job.cancel_requested", "{}", str(job_id))])
    assert isinstance(reply, Accepted)
    assert reply.refused == ()


def sequence(processor: Connection[DictRow], limit: int = 10_000) -> int:
    """Sequence all there is, in passes of at most ``limit``; how many events that were."""
    processor.execute("select ledger.ensure_epoch()")
    total, more = 0, True
    while more:
        row = processor.execute("select * from ledger.sequence(%(limit)s)", {"limit": limit}).fetchone()
        assert row is not None
        total, more = total + row["sequenced"], row["more"]
    return total


def find_lost(processor: Connection[DictRow], *, overdue: bool = False) -> list[DictRow]:
    """Give up every processor whose lock is free; with ``overdue`` the others too, as if their leases were over."""
    return processor.execute(
        """
        select f.*
        from (select coalesce(array_agg(p.processor), '{}') as processors, coalesce(array_agg(p.beats), '{}') as beats
              from ledger.processors p where p.stopped_at is null and p.lost_at is null) s,
             ledger.find_lost(s.processors, s.beats, array_fill(%(overdue)s, array[cardinality(s.beats)])) f
        order by f.processor
        """,
        {"overdue": overdue},
    ).fetchall()


class Worker:
    """A processor without a service: a test has it claim and record, by the statements of the Postgres store."""

    def __init__(self, connection: Connection[DictRow], names: Sequence[str] = ("noop",)) -> None:
        self.connection = connection
        self.names = list(names)
        self.id = new_id()
        connection.execute(REGISTER, {
            "processor": self.id, "host": "test", "pid": 1, "namespaces": ["default"], "names": self.names,
        })  # fmt: skip

    def claim(self, limit: int = 100, *, namespaces: Sequence[str] = ("default",)) -> list[DictRow]:
        request = ClaimRequest(self.id, new_id(), list(namespaces), self.names, limit)
        rows = self.connection.execute(CLAIM, request._asdict()).fetchall()
        return [{**row, "job_id": UUID(row["job_id"])} for row in rows]

    def record(self, *events: tuple[DictRow, str, dict[str, Any]], ids: Sequence[UUID] | None = None) -> list[DictRow]:
        """Record (claimed job, type, data) each; what came too late is given back."""
        return self.connection.execute(
            """
            select * from ledger.record(%(processor)s, %(ids)s::uuid[], %(jobs)s::uuid[], %(attempts)s::integer[],
                                        %(types)s::text[], %(occurred)s::timestamptz[], %(data)s::text[])
            """,
            {
                "processor": self.id,
                "ids": list(ids or (new_id() for _ in events)),
                "jobs": [job["job_id"] for job, _, _ in events],
                "attempts": [job["attempt"] for job, _, _ in events],
                "types": [kind for _, kind, _ in events],
                "occurred": [datetime.now(UTC)] * len(events),
                "data": [json.dumps({"attempt": job["attempt"], **data}) for job, _, data in events],
            },
        ).fetchall()


def lose_notifications(owner: Connection[DictRow]) -> None:
    """From now on nothing notifies: there is one place that does (which tests/security looks after)."""
    owner.execute("""
        create or replace function ledger.hint(p_channel text) returns void language plpgsql as 'begin end'""")


def job_row(connection: Connection[DictRow], job_id: UUID) -> DictRow:
    row = connection.execute("select * from ledger.jobs where job_id = %(id)s", {"id": job_id}).fetchone()
    assert row is not None
    return row


def types_of(connection: Connection[DictRow], job_id: UUID) -> list[str]:
    """The types of a job's events, in order."""
    from ledger.postgres.feed import read_history

    return [row["type"] for row in read_history(connection, job_id)]


def assert_projection_is_fold(connection: Connection[DictRow]) -> None:
    """How every integration test ends: what the server keeps is what its events add up to, sequenced to the last."""

    def is_sequenced() -> bool:
        # what still runs may write between the two, and is heard out
        return sequence(connection) == 0 and verify(connection).unsequenced == 0

    until(is_sequenced, "the last event to be in order")
