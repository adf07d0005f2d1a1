"""The receiving side of the file: storing pages of the server's log, each with its cursor in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from client_sync.file.projection import StoredFact, extend, refold_all
from client_sync.file.recent import Recent
from client_sync.file.replica import Replica
from client_sync.sync.plan import BeginEpoch, Position, StorePage
from ledger.ports.server import EventRow

_KNOWN: Final = """
    select e.id, e.recorded_at, e.owner, (e.local_seq is not null or e.life >= p.settled_life) and f.event_id is null
    from events e cross join replica p left join refusals f on f.event_id = e.id
    where e.id in (select i.value from json_each(:ids) i)"""
_STORED_JOBS: Final = """
    select i.value, exists (select 1 from jobs j where j.job_id = i.value and j.fold is not null)
    from json_each(:job_ids) i
    where exists (select 1 from events e where e.job_id = i.value)"""
_NOT_REFUSED: Final = "delete from refusals where event_id in (select i.value from json_each(:ids) i)"
_CONFIRM: Final = """
    update events
    set seq = :seq, life = :life, owner = :owner, actor = :actor, recorded_at = :recorded_at,
        replica_id = :replica_id, replica_seq = :replica_seq
    where id = :id and (life is null or life < :life)"""
AT_ONCE: Final = 50
"""How many rows one statement takes: to begin and to end one, with its triggers, is a quarter of what a row costs."""
_AT_ONCE_BYTES: Final = 100_000
# by position, in the order of EventRow: finding fifteen names costs a fifth of adding the row
_ADD: Final = """
    insert into events (id, job_id, type, v, owner, actor, seq, occurred_at, recorded_at, replica_id, replica_seq,
                        correlation_id, causation_id, data, life)
    values """
_WIDTH: Final = len(EventRow._fields) + 1
_ROW: Final = f"({', '.join('?' * _WIDTH)})"
_ADD_ONE: Final = _ADD + _ROW
_ADD_MANY: Final = _ADD + ", ".join([_ROW] * AT_ONCE)
_GONE: Final = """
    select distinct e.job_id from events e
    where e.life < :life and e.local_seq is null and e.job_id is not null order by e.job_id"""


def store_page(replica: Replica, rows: Iterable[EventRow], decision: StorePage, recent: Recent | None = None) -> int:
    """Store a page with its cursor, and bring its jobs up to date. Gives how many events were new.

    ``recent``: the states that the pages before it left in memory; they are left as this page leaves them.
    """
    with replica.transaction() as connection:
        recent = recent or Recent()
        recent.begin(connection)
        # the cursor first: an event's number may not lie beyond it
        connection.execute("update replica set pulled_seq = :upto", {"upto": decision.upto_seq})
        ((life,),) = connection.execute("select life from replica")
        added = _store_events(connection, rows, life, recent)
        if not decision.more:
            _settle(connection, life, recent)
        seen = recent.look(connection)
    recent.hold(connection, seen)
    return added


def begin_epoch(replica: Replica, position: Position, decision: BeginEpoch) -> None:
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


def _store_events(connection: sqlite3.Connection, rows: Iterable[EventRow], life: int, recent: Recent) -> int:
    page = iter(rows)
    news: dict[str, list[StoredFact]] = {}
    stored: dict[str, bool] = {}
    changed: set[str] = set()
    added = 0
    shared: dict[str, str] = {}
    share = shared.setdefault  # what many events have in common is in memory once
    while part := list(islice(page, AT_ONCE)):
        ids = {"ids": json.dumps([row.id for row in part])}
        found = connection.execute(_KNOWN, ids)
        known = {event_id: (recorded_at, owner, bool(counted)) for event_id, recorded_at, owner, counted in found}
        new_jobs = {row.job_id for row in part if row.job_id and row.job_id not in news}
        stored.update(connection.execute(_STORED_JOBS, {"job_ids": json.dumps(list(new_jobs))}))
        values: list[Any] = []
        for row in part:
            event_id, job_id, kind, v, owner, actor, _, occurred_at, recorded_at, _, _, correlation_id, _, data = row
            if event_id not in known:
                added += 1
                values += row
                values.append(life)
                if job_id:
                    at = recorded_at or occurred_at
                    kind, owner, actor, at = share(kind, kind), share(owner, owner), share(actor, actor), share(at, at)
                    news.setdefault(job_id, []).append((event_id, kind, v, owner, actor, at, data, correlation_id))
            elif job_id and known[event_id] != (recorded_at, owner, True):
                changed.add(job_id)
        if known:
            connection.executemany(_CONFIRM, ({**row._asdict(), "life": life} for row in part if row.id in known))
            # refused from this file and taken from a copy of it: the ledger has the last word
            connection.execute(_NOT_REFUSED, ids)
        # SQLite makes a copy of what one statement takes
        if len(values) == AT_ONCE * _WIDTH and sum(len(row.data) for row in part) < _AT_ONCE_BYTES:
            connection.execute(_ADD_MANY, values)
        else:
            connection.executemany(_ADD_ONE, (values[n : n + _WIDTH] for n in range(0, len(values), _WIDTH)))
    # each of these is folded anew from all that is stored of it by now
    for job_id in changed:
        news.pop(job_id, None)
        recent.take(job_id)
    refold_all(connection, sorted(changed), recent)
    extend(connection, news, stored, recent)
    return added


def _settle(connection: sqlite3.Connection, life: int, recent: Recent) -> None:
    """The log of this epoch was read to its end: what an earlier one gave us and this one did not is gone."""
    settled = connection.execute("update replica set settled_life = life where settled_life < life").rowcount
    if settled:
        recent.clear()
        refold_all(connection, [job_id for (job_id,) in connection.execute(_GONE, {"life": life})], recent)
