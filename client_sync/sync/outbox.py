"""The sending side of the file: what is to be pushed, and carrying out what follows from the server's replies."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from client_sync.file.limits import ServerLimits, read_limits, write_limits
from client_sync.file.projection import refold
from client_sync.file.replica import Replica
from client_sync.sync.plan import MAX_PUSH_BYTES, MAX_PUSH_EVENTS, Acknowledge, MintReplica, Position, Refusal, Rewind
from client_sync.sync.unsendable import Reason, make_sendable, may_be_unsendable
from ledger.ports.server import EventColumns

_POSITION: Final = """
    select p.replica_id, p.seq_offset, p.acked_seq, p.compacted_seq, p.pulled_seq, p.epoch, p.acked_epoch,
           p.settled_life = p.life, p.owner,
           case when p.acked_epoch is not p.epoch and p.settled_life = p.life then (
               select e.local_seq from events e
               where e.local_seq <= p.acked_seq and (e.life is null or e.life < p.life)
                 and not exists (select 1 from refusals f where f.event_id = e.id)
               order by e.local_seq limit 1) end
    from replica p"""
_BATCH: Final = """
    select e.local_seq, e.id, e.job_id, e.type, e.v, e.occurred_at, e.correlation_id, e.causation_id, e.data
    from events e where e.local_seq > :after order by e.local_seq limit :events"""
_LAST_LOCAL_SEQ: Final = """
    select coalesce((select e.local_seq from events e where e.local_seq is not null
                     order by e.local_seq desc limit 1), 0)"""

_COUNT_UNCONFIRMED: Final = """
    select count(*) from events e cross join replica p where e.local_seq is not null and e.life is not p.life"""
_UNSENT: Final = """
    select count(*) from events e where e.local_seq > (select p.acked_seq from replica p)"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Own events in their order, as a server takes them. ``numbers`` are their local_seqs.

    ``unsendable`` says of some why they go without their data, and will be refused.
    """

    numbers: tuple[int, ...]
    events: EventColumns
    unsendable: Mapping[int, Reason] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)


def read_position(connection: sqlite3.Connection) -> Position:
    """How far the file and the server are with each other."""
    (row,) = connection.execute(_POSITION)
    replica_id, seq_offset, acked_seq, compacted_seq, pulled_seq, epoch, acked_epoch, settled, owner, missing_seq = row
    return Position(
        replica_id=UUID(replica_id),
        seq_offset=seq_offset,
        acked_seq=acked_seq,
        compacted_seq=compacted_seq,
        pulled_seq=pulled_seq,
        epoch=_uuid(epoch),
        acked_epoch=_uuid(acked_epoch),
        settled=bool(settled),
        owner=owner,
        missing_seq=missing_seq,
    )


def last_local_seq(connection: sqlite3.Connection) -> int:
    """The number of the last own event in the file; 0 where there is none."""
    ((number,),) = connection.execute(_LAST_LOCAL_SEQ)
    return int(number)


def count_unsent(connection: sqlite3.Connection) -> int:
    """How many own events the server has not acknowledged."""
    ((count,),) = connection.execute(_UNSENT)
    return int(count)


def count_unconfirmed(connection: sqlite3.Connection) -> int:
    """How many own events the server has not put in order yet, as far as this file knows. Reads them all."""
    ((number,),) = connection.execute(_COUNT_UNCONFIRMED)
    return int(number)


def read_batch(connection: sqlite3.Connection, after: int) -> Batch:
    """The own events after local_seq ``after``, as many as one push carries; at least one, if there is one."""
    limits = read_limits(connection)
    most_events = min(MAX_PUSH_EVENTS, limits.push_events)
    most_bytes = min(MAX_PUSH_BYTES, limits.max_batch_bytes)
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in connection.execute(_BATCH, {"after": after, "events": most_events}):
        size += len(row[-1].encode())
        if size > most_bytes and rows:
            break
        rows.append(row)
    batch = _batch(rows)
    if not may_be_unsendable(batch.events, size):
        return batch
    unsendable: dict[int, Reason] = {}
    for n, row in enumerate(rows):
        rows[n], reason = make_sendable(connection, row)
        if reason is not None:
            unsendable[row[0]] = reason
    return replace(_batch(rows), unsendable=unsendable)


def _batch(rows: list[tuple[Any, ...]]) -> Batch:
    columns = list(zip(*rows, strict=True)) or [()] * 9
    return Batch(columns[0], EventColumns(*columns[1:]))


def learn_owner(replica: Replica, owner: str) -> None:
    """Keep what the first session with the server says: whose file this is."""
    with replica.transaction() as connection:
        connection.execute("update replica set owner = :owner", {"owner": owner})
        _note(connection, "replica.owned", {"owner": owner})


def learn_limits(replica: Replica, limits: ServerLimits) -> None:
    """Keep what the server lets an event and a push hold, where that has changed."""
    if limits != read_limits(replica.connection()):
        with replica.transaction() as connection:
            write_limits(connection, limits)


def acknowledge(
    replica: Replica,
    position: Position,
    decision: Acknowledge,
    clock_skew_ms: int,
    unsendable: Mapping[int, Reason] | None = None,
) -> int:
    """Note what the server has, and what it refused. Gives how many refusals were not known before.

    ``unsendable`` says what was wrong with those that the server did not get to see as they are.
    """
    with replica.transaction() as connection:
        connection.execute(
            """
            update replica
            set acked_seq = :upto, seq_offset = :seq_offset, acked_epoch = :epoch, clock_skew_ms = :skew""",
            {
                "upto": decision.upto,
                "seq_offset": decision.seq_offset,
                "epoch": _text(position.confirmed_epoch),
                "skew": clock_skew_ms,
            },
        )
        reasons = unsendable or {}
        return sum(_refuse(connection, refusal, reasons.get(refusal.local_seq)) for refusal in decision.refused)


def mint_replica(replica: Replica, position: Position, decision: MintReplica, new_replica_id: UUID) -> None:
    """Go on under another replica id. No event changes."""
    with replica.transaction() as connection:
        connection.execute(
            "update replica set replica_id = :replica_id, seq_offset = :seq_offset",
            {"replica_id": str(new_replica_id), "seq_offset": decision.seq_offset},
        )
        detail = {"at": decision.forked_at, "from": str(position.replica_id), "to": str(new_replica_id)}
        _note(connection, "replica.forked", detail)


def rewind(replica: Replica, position: Position, decision: Rewind) -> None:
    """Count what the server has lost as not acknowledged, and forget what it had refused of that."""
    with replica.transaction() as connection:
        connection.execute(
            "update replica set acked_seq = :acked_seq, seq_offset = :seq_offset",
            {"acked_seq": decision.acked_seq, "seq_offset": decision.seq_offset},
        )
        refused = connection.execute(
            "delete from refusals where local_seq > :acked_seq returning job_id", {"acked_seq": decision.acked_seq}
        ).fetchall()
        for (job_id,) in refused:
            refold(connection, job_id)
        _note(connection, "replica.rewound", {"from": position.acked_seq, "to": decision.acked_seq})


def _refuse(connection: sqlite3.Connection, refusal: Refusal, reason: Reason | None) -> bool:
    code, detail = reason or (refusal.code, refusal.detail)
    row = connection.execute(
        """
        insert into refusals (local_seq, event_id, job_id, type, code, detail)
        select e.local_seq, e.id, e.job_id, e.type, :code, :detail from events e where e.local_seq = :local_seq
        on conflict do nothing
        returning job_id""",
        {"local_seq": refusal.local_seq, "code": code, "detail": detail},
    ).fetchone()
    if row is None:
        return False
    if reason is not None:  # its ids may be no texts that could be looked for from here
        connection.execute(
            """
            update jobs set status = 'refused', run_at = null, fold = null
            where request_id = (select e.id from events e where e.local_seq = :local_seq)""",
            {"local_seq": refusal.local_seq},
        )
    if row[0] is not None:
        refold(connection, row[0])
    return True


def _note(connection: sqlite3.Connection, what: str, detail: dict[str, Any]) -> None:
    connection.execute(
        "insert into replica_history (what, detail) values (:what, :detail)",
        {"what": what, "detail": json.dumps(detail)},
    )


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
