"""What a client asks Postgres, as statements on a connection. Errors are psycopg's own; ``server`` explains them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import DictRow, tuple_row

from ledger.errors import BadAnswer
from ledger.model.protocol import (
    NEWEST_PROTOCOL,
    OLDEST_PROTOCOL,
    Hello,
    HelloReply,
    PushReply,
    Versions,
    read_hello,
    read_reply,
)
from ledger.ports.server import EventColumns, EventRow, Page
from ledger.postgres.arrays import bare, quoted

_FETCHED_AT_ONCE: Final = 100
_OURS: Final = json.dumps({"protocol": {"oldest": OLDEST_PROTOCOL, "newest": NEWEST_PROTOCOL}})
_FIRST_PROTOCOL: Final = Versions(oldest=1, newest=1)

_HELLO: Final = b"select ledger.hello(%(ours)s::json, %(on_behalf_of)s::text)::text as answer"
_LIMITS: Final = b"select session_user::text as login, clock_timestamp() as time, l.* from ledger.limits l limit 2"
_MAY_PULL: Final = b"select from ledger.pull(0, null, 1, %(on_behalf_of)s::text)"
_PUSH: Final = b"""
    select ledger.push(%(replica_id)s::uuid, %(base_seq)s::bigint, %(ids)s::text[], %(job_ids)s::text[],
                       %(types)s::text[], %(versions)s::integer[], %(occurred_at)s::text[],
                       %(correlation_ids)s::text[], %(causation_ids)s::text[], %(data)s::text[],
                       %(on_behalf_of)s::text)::text as reply"""
# Python and SQLite know the years 1 to 9999. A claimed time outside of them must not hold up what comes behind it.
_PULL: Final = b"""
    select p.upto_seq::bigint, p.epoch::uuid::text, p.found, p.id::uuid::text, p.job_id::uuid::text, p.type::text,
           p.v::integer, p.owner::text, p.actor::text, p.seq::bigint,
           to_char(least(greatest(p.occurred_at, timestamptz '0001-01-01 00:00:00+00'),
                         timestamptz '9999-12-31 23:59:59+00') at time zone 'utc',
                   'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           to_char(p.recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           p.replica_id::uuid::text, p.replica_seq::bigint, p.correlation_id::uuid::text, p.causation_id::uuid::text,
           p.data::text
    from (select g.*, count(*) over () as found,
                 sum(octet_length(g.data)) over (order by g.seq) - octet_length(g.data) as bytes_before
          from ledger.pull(%(after_seq)s::bigint, %(epoch)s::uuid, %(events)s::integer, %(on_behalf_of)s::text) g) p
    where coalesce(p.bytes_before, 0) < %(bytes)s
    order by p.seq
    limit %(events)s::bigint + 1"""


def hello(connection: Connection[DictRow], on_behalf_of: str | None = None) -> HelloReply:
    """What ``ledger.hello`` answers."""
    row = connection.execute(_HELLO, {"ours": _OURS, "on_behalf_of": on_behalf_of}).fetchone()
    if row is None or row["answer"] is None:
        raise BadAnswer("there is none to who it is")
    return read_hello(row["answer"])


def hello_before(connection: Connection[DictRow], on_behalf_of: str | None = None) -> Hello:
    """The same from a server of version 1, which has no ``ledger.hello``. It does not say its epoch."""
    rows = connection.execute(_LIMITS).fetchall()
    if len(rows) != 1 or not isinstance(login := rows[0].get("login"), str) or not login:
        raise BadAnswer("it has no limits, or several, or no login")
    if on_behalf_of is not None:
        connection.execute(_MAY_PULL, {"on_behalf_of": on_behalf_of})  # raises where it may not
    return Hello(
        protocol=_FIRST_PROTOCOL,
        login=login,
        owner=on_behalf_of or login,
        limits=rows[0],
        epoch=None,
        time=rows[0]["time"],
    )


def push(
    connection: Connection[DictRow],
    replica_id: UUID,
    base_seq: int,
    events: EventColumns,
    on_behalf_of: str | None = None,
) -> PushReply:
    """What ``ledger.push`` answers."""
    parameters = {
        "replica_id": replica_id,
        "base_seq": base_seq,
        "ids": quoted(events.ids),
        "job_ids": quoted(events.job_ids),
        "types": quoted(events.types),
        "versions": bare(map(str, events.versions)),
        "occurred_at": quoted(events.occurred_at),
        "correlation_ids": quoted(events.correlation_ids),
        "causation_ids": quoted(events.causation_ids),
        "data": quoted(events.data),
        "on_behalf_of": on_behalf_of,
    }
    row = connection.execute(_PUSH, parameters).fetchone()
    if row is None or row["reply"] is None:
        raise BadAnswer("there is none to what was sent")
    return read_reply(row["reply"])


def pull(
    connection: Connection[DictRow],
    after_seq: int,
    epoch: UUID | None,
    max_events: int,
    max_bytes: int,
    on_behalf_of: str | None = None,
) -> Page:
    """A page from ``ledger.pull``."""
    parameters = {
        "after_seq": after_seq,
        "epoch": epoch,
        "events": max_events,
        "bytes": max_bytes,
        "on_behalf_of": on_behalf_of,
    }
    cursor = connection.cursor(row_factory=tuple_row).execute(_PULL, parameters)
    rows = cursor.rowcount
    if not 1 <= rows <= max_events:
        raise BadAnswer(f"it has {rows} rows where up to {max_events} events were asked for")
    cursor.scroll(rows - 1)
    upto_seq, of_epoch, found, *last = cursor.fetchone() or ()
    if upto_seq is None or of_epoch is None:
        raise BadAnswer("it does not say how far it goes, or in which epoch")
    count = rows if last[0] else 0
    is_cut = 0 < count < found
    if is_cut:
        upto_seq = EventRow._make(last).seq or 0
    return Page(upto_seq, UUID(of_epoch), count, is_cut, _events(cursor, count))


def _events(cursor: Cursor[tuple[Any, ...]], count: int) -> Iterator[EventRow]:
    if count:
        cursor.scroll(0, mode="absolute")
        while rows := cursor.fetchmany(_FETCHED_AT_ONCE):
            for row in rows:
                if row[-1] is None:
                    raise BadAnswer(f"event {row[3]} has no data")
                yield EventRow._make(row[3:])
