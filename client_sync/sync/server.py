"""What the server is asked, and which of its answers are believed.

A server may be broken, of another make, or in a stranger's hands. What contradicts itself or the question is an error,
before anything of it is noted: see ``BadAnswer``. What no check here can know, the constraints of the file still hold.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from client_sync.file.limits import ServerLimits, told_limits
from client_sync.file.projection import EventRow
from client_sync.sync import plan
from client_sync.sync.outbox import Batch
from client_sync.sync.plan import Position
from ledger.errors import LedgerError
from ledger.model.protocol import Accepted, PushReply

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.rows import DictRow

_FETCHED_AT_ONCE: Final = 100
_SHOWN: Final = 200

_HELLO: Final = "select session_user::text as owner, l.* from ledger.limits l limit 2"
_PUSH: Final = """
    select ledger.push(%(replica_id)s::uuid, %(base_seq)s::bigint, %(ids)s::text[], %(job_ids)s::text[],
                       %(types)s::text[], %(versions)s::integer[], %(occurred_at)s::text[],
                       %(correlation_ids)s::text[], %(causation_ids)s::text[], %(data)s::text[],
                       %(on_behalf_of)s::text)::text as reply"""
# Python and SQLite know the years 1 to 9999. A claimed time outside of them must not hold up what comes behind it.
_PULL: Final = """
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


class BadAnswer(LedgerError):
    """The server's answer cannot be true. Nothing of it was kept or acknowledged, and everything of the file is."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the server's answer cannot be true: {detail}",
            hint="everything is kept; is this the right server, and is its jobledger as it was installed?",
        )


def say_hello(connection: Connection[DictRow]) -> tuple[str, ServerLimits]:
    """The login of this session, and what the server lets an event and a push hold."""
    rows = connection.execute(_HELLO).fetchall()
    if len(rows) != 1 or not isinstance(owner := rows[0].get("owner"), str) or not owner:
        raise BadAnswer("it has no limits, or several, or no login")
    limits = told_limits(rows[0])
    if limits is None:
        raise BadAnswer("with its limits, next to nothing could be saved or sent")
    return owner, limits


def send(
    connection: Connection[DictRow], position: Position, batch: Batch, on_behalf_of: str | None
) -> tuple[PushReply, int]:
    """The reply to a push, and by how many milliseconds the server's clock is ahead of this one."""
    from pydantic import ValidationError

    from ledger.model.protocol import read_reply

    parameters = {
        "replica_id": position.replica_id,
        "base_seq": position.base_seq,
        "on_behalf_of": on_behalf_of,
        **batch.columns,
    }
    before = time.time()
    row = connection.execute(_PUSH.encode(), parameters).fetchone()
    after = time.time()
    if row is None or row["reply"] is None:
        raise BadAnswer("there is none to what was sent")
    try:
        reply = read_reply(row["reply"])
    except ValidationError as error:
        answer = row["reply"][:_SHOWN]
        raise LedgerError(f"the server's answer is not known here: {answer}", hint="upgrade jobledger") from error
    # the server's clock was read somewhere between: the middle is wrong by half the way at most
    skew_ms = round((reply.time.timestamp() - (before + after) / 2) * 1000) if isinstance(reply, Accepted) else 0
    return reply, skew_ms


def ask_for_page(connection: Connection[DictRow], position: Position, events: int, on_behalf_of: str | None) -> Page:
    """Up to ``events`` events of the log behind the file's cursor."""
    from psycopg.rows import tuple_row

    parameters = {
        "after_seq": position.pulled_seq,
        "epoch": position.epoch,
        "events": events,
        "bytes": plan.MAX_PULL_BYTES,
        "on_behalf_of": on_behalf_of,
    }
    return Page(connection.cursor(row_factory=tuple_row).execute(_PULL, parameters), position, events)


class Page:
    """An answer to ``ledger.pull``: its events are made a few at a time, as they are stored.

    ``owner`` is whose events it may hold, once that is known.
    """

    def __init__(self, cursor: Cursor[tuple[Any, ...]], position: Position, asked: int) -> None:
        rows = cursor.rowcount
        if not 1 <= rows <= asked:
            raise BadAnswer(f"it has {rows} rows where up to {asked} events were asked for")
        cursor.scroll(rows - 1)
        upto_seq, epoch, found, *last = cursor.fetchone() or ()
        if upto_seq is None or epoch is None:
            raise BadAnswer("it does not say how far it goes, or in which life")
        self.upto_seq: int = upto_seq
        self.epoch = UUID(epoch)
        self._cursor = cursor
        self._after = position.pulled_seq
        self._length = rows if last[0] else 0
        self.is_cut: Final[bool] = 0 < self._length < found
        if self.is_cut:
            self.upto_seq = EventRow._make(last).seq or 0
        if self.upto_seq < self._after:
            raise BadAnswer(f"it goes up to number {self.upto_seq} where what follows {self._after} was asked for")
        self.bytes_read = 0

    def __len__(self) -> int:
        return self._length

    def events(self, owner: str | None) -> Iterator[EventRow]:
        """The events, once. Raises BadAnswer for one that is not this owner's, or whose number does not follow."""
        self._cursor.scroll(0, mode="absolute")
        before, upto = self._after, self.upto_seq
        while len(self) and (rows := self._cursor.fetchmany(_FETCHED_AT_ONCE)):
            for row in rows:
                event = EventRow._make(row[3:])
                seq = event.seq
                if seq is None or row[-1] is None or not before < seq <= upto:
                    raise BadAnswer(f"event {event.id} has number {seq}, after {before} and up to {upto}")
                if event.owner != owner:
                    raise BadAnswer(f"event {event.id} is another owner's")
                before = seq
                self.bytes_read += len(event.data)
                yield event
