"""The receiving side of the file: storing pages of the server's log, each with its cursor in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from client_sync.plan import BeginLife, Position, StorePage
from client_sync.projection import EventRow, extend, refold
from client_sync.replica import Replica

_KNOWN: Final = """
    select e.id, e.recorded_at, e.owner, (e.local_seq is not null or e.life >= p.settled_life) and f.event_id is null
    from events e cross join replica p left join refusals f on f.event_id = e.id
    where e.id in (select i.value from json_each(:ids) i)"""
_MET: Final = """
    select i.value from json_each(:job_ids) i where exists (select 1 from events e where e.job_id = i.value)"""
_NOT_REFUSED: Final = "delete from refusals where event_id in (select i.value from json_each(:ids) i)"
_CONFIRM: Final = """
    update events
    set seq = :seq, life = :life, owner = :owner, actor = :actor, recorded_at = :recorded_at,
        replica_id = :replica_id, replica_seq = :replica_seq
    where id = :id and (life is null or life < :life)"""
# by position, in the order of EventRow: finding fifteen names costs a fifth of adding the row
_ADD: Final = """
    insert into events (id, job_id, type, v, owner, actor, seq, occurred_at, recorded_at, replica_id, replica_seq,
                        correlation_id, causation_id, data, life)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_GONE: Final = """
    select distinct e.job_id from events e
    where e.life < :life and e.local_seq is null and e.job_id is not null order by e.job_id"""


def store_page(replica: Replica, rows: Sequence[EventRow], decision: StorePage) -> int:
    """Store a page with its cursor, and bring its jobs up to date. Gives how many events were new."""
    with replica.transaction() as connection:
        # the cursor first: an event's number may not lie beyond it
        connection.execute("update replica set pulled_seq = :upto", {"upto": decision.upto_seq})
        ((life,),) = connection.execute("select life from replica")
        added = _store_events(connection, rows, life)
        if not decision.more:
            _settle(connection, life)
    return added


def begin_life(replica: Replica, position: Position, decision: BeginLife) -> None:
    """Count anew from the start of the log. What the file holds stays, and stays valid until the log was read again."""
    with replica.transaction() as connection:
        connection.execute(
            "update replica set epoch = :epoch, life = life + 1, pulled_seq = 0", {"epoch": str(decision.epoch)}
        )
        detail = {"epoch": str(decision.epoch), "before": None if position.epoch is None else str(position.epoch)}
        connection.execute(
            "insert into replica_history (what, detail) values ('epoch.began', :detail)",
            {"detail": json.dumps(detail)},
        )


def read_again(replica: Replica) -> None:
    """Put the cursor back to the start of the log. What the file holds stays; what it lacks is added in passing."""
    with replica.transaction() as connection:
        connection.execute("update replica set pulled_seq = 0")


def _store_events(connection: sqlite3.Connection, rows: Sequence[EventRow], life: int) -> int:
    ids = {"ids": json.dumps([row.id for row in rows])}
    found = connection.execute(_KNOWN, ids)
    known = {event_id: (recorded_at, owner, bool(counted)) for event_id, recorded_at, owner, counted in found}
    news: dict[str, list[EventRow]] = {}
    changed: dict[str, None] = {}
    for row in rows:
        if not row.job_id:
            continue
        if row.id not in known:
            news.setdefault(row.job_id, []).append(row)
        elif known[row.id] != (row.recorded_at, row.owner, True):
            changed[row.job_id] = None
    met = {job_id for (job_id,) in connection.execute(_MET, {"job_ids": json.dumps(list(news))})}
    if known:
        connection.executemany(_CONFIRM, ({**row._asdict(), "life": life} for row in rows if row.id in known))
        # refused from this file and taken from a copy of it: the ledger has the last word
        connection.execute(_NOT_REFUSED, ids)
    connection.executemany(_ADD, ((*row, life) for row in rows if row.id not in known))
    for job_id in changed:
        refold(connection, job_id)
    extend(connection, ((job_id, added, job_id in met) for job_id, added in news.items() if job_id not in changed))
    return len(rows) - len(known)


def _settle(connection: sqlite3.Connection, life: int) -> None:
    """The log of this life was read to its end: what an earlier life gave us and this one did not is gone."""
    settled = connection.execute("update replica set settled_life = life where settled_life < life").rowcount
    if settled:
        for (job_id,) in connection.execute(_GONE, {"life": life}).fetchall():
            refold(connection, job_id)
