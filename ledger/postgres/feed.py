"""Reading the log: in order, by job, and as a whole to verify the projection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ledger.errors import JobNotFound, LedgerError, VerificationFailed
from ledger.model.catalogue import CLIENT_TYPES, KNOWN
from ledger.model.events import UnknownEvent, parse_event
from ledger.model.fold import JobState, fold, projection
from ledger.postgres.database import is_pooled

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

PAGE: Final = 1000
LOOK_EVERY_S: Final = 5.0
LOOK_EVERY_POOLED_S: Final = 1.0
"""How often ``follow_log`` looks without being told, and where no notification can come through."""

_COLUMNS: Final = """
    l.seq, e.id, e.job_id, e.type, e.v, e.owner, e.actor, e.replica_id, e.replica_seq,
    least(greatest(e.occurred_at, '0001-01-02 00:00:00+00'), '9999-12-30 00:00:00+00') as occurred_at,
    least(greatest(e.recorded_at, '0001-01-02 00:00:00+00'), '9999-12-30 00:00:00+00') as recorded_at,
    e.correlation_id, e.causation_id, e.data::text as data"""

_LOG: Final = (
    "select"
    + _COLUMNS
    + """
    from ledger.log l join ledger.events e on e.id = l.event_id
    where l.seq > %(after)s and (%(owner)s::text is null or l.owner = %(owner)s)
      and (%(type)s::text is null or e.type = %(type)s)
    order by l.seq limit %(limit)s"""
)

# what the sequencer has not numbered yet comes last, as it will
_HISTORY: Final = (
    "select"
    + _COLUMNS
    + """
    from ledger.events e left join ledger.log l on l.event_id = e.id
    where e.job_id = %(job_id)s
    order by l.seq nulls last, e.txid, e.owner collate "C", e.position, e.replica_seq, e.id"""
)

# a client's event has its effect when it is sequenced, a processor's when it is recorded
_APPLIED: Final = (
    "select"
    + _COLUMNS
    + """
    from ledger.events e left join ledger.log l on l.event_id = e.id
    where e.job_id is not null and (l.seq is not null or e.type <> all (%(client_types)s))
    order by e.job_id"""
)

_PROJECTED: Final = """
    select j.job_id, j.requested_at, j.run_at, j.expires_at, j.cancel_requested_at, j.started_at, j.finished_at,
           j.processor, j.attempt, j.failures, j.losses, j.max_attempts, j.timeout_ms, j.priority, j.status, j.owner,
           j.namespace, j.name, j.key, j.parent, j.retry_of, j.correlation_id, j.labels
    from ledger.jobs j order by j.job_id"""

_INVARIANTS: Final = """
    select 'the log has no gaps' as what, s.last_seq = (select count(*) from ledger.log)
           and s.last_seq = (select coalesce(max(l.seq), 0) from ledger.log l) as holds from ledger.sequencer s
    union all
    select 'every number in the log has its event', not exists (
        select from ledger.log l left join ledger.events e on e.id = l.event_id where e.id is null)
    union all
    select 'exactly the pending jobs stand in the queue', not exists (
        select from ledger.queue q full join (select j.job_id from ledger.jobs j where j.status = 'pending') p
            on p.job_id = q.job_id where q.job_id is null or p.job_id is null)
    union all
    select 'no job that may start has a reason to wait', not exists (
        select from ledger.queue q where q.run_at is null and q.reason is not null)
    union all
    select 'the counts say how many jobs are in each state', not exists (
        select from (
            select n.namespace, n.name, n.state, n.jobs from ledger.job_counts n
            union all
            select j.namespace, j.name,
                   case when j.status <> 'pending' then j.status
                        when q.run_at is null then 'ready' else 'scheduled' end, -1
            from ledger.jobs j left join ledger.queue q on q.job_id = j.job_id) c
        group by c.namespace, c.name, c.state having sum(c.jobs) <> 0)
    union all
    select 'every running attempt stands in a claim of its processor', not exists (
        select from ledger.jobs j where j.status = 'running' and not exists (
            select from ledger.claims c, unnest(c.job_ids, c.attempts) x (job_id, attempt)
            where c.processor = j.processor and (x.job_id, x.attempt) = (j.job_id, j.attempt)))
    union all
    select 'no job has two terminal events', not exists (
        select from ledger.events e where e.type in ('job.completed', 'job.failed', 'job.cancelled')
        group by e.job_id having count(*) > 1)"""

_UNSEQUENCED: Final = """
    select count(*) as n from ledger.events e where not exists (select from ledger.log l where l.event_id = e.id)"""


def read_log(
    connection: Connection[DictRow],
    *,
    after: int = 0,
    owner: str | None = None,
    type: str | None = None,
    limit: int | None = None,
) -> Iterator[DictRow]:
    """The events after number ``after``, in order; ``data`` is the exact text.

    Reads page by page, and keeps no transaction open in between.
    """
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = connection.execute(
            _LOG.encode(), {"after": after, "owner": owner, "type": type, "limit": size}
        ).fetchall()
        yield from page
        if len(page) < size:
            return
        after = page[-1]["seq"]
        left = None if left is None else left - len(page)


def follow_log(
    connection: Connection[DictRow],
    *,
    after: int = 0,
    owner: str | None = None,
    type: str | None = None,
    limit: int | None = None,
) -> Iterator[DictRow]:
    """As ``read_log``, and then what comes, without an end but ``limit``. Needs a session in autocommit."""
    look_every_s = LOOK_EVERY_S
    if is_pooled(connection):
        look_every_s = LOOK_EVERY_POOLED_S
    else:
        connection.execute("listen ledger_feed")
    while True:
        for row in read_log(connection, after=after, owner=owner, type=type, limit=limit):
            after = row["seq"]
            limit = None if limit is None else limit - 1
            yield row
        if limit == 0:
            return
        # a notification is only a hint: look again after a while in any case
        for _ in connection.notifies(timeout=look_every_s, stop_after=1):
            pass


def last_number(connection: Connection[DictRow]) -> int:
    """The number of the latest event in the log."""
    row = connection.execute("select last_seq from ledger.sequencer").fetchone()
    return int(row["last_seq"]) if row else 0


def read_history(
    connection: Connection[DictRow], job_id: UUID, *, as_of: int | datetime | None = None
) -> list[DictRow]:
    """All events of one job in order, up to a number of the log or a time of the server. Raises JobNotFound."""
    rows = connection.execute(_HISTORY.encode(), {"job_id": job_id}).fetchall()
    if not rows:
        raise JobNotFound(
            f"no job {job_id} in this ledger", hint="an event that was not synced yet is only in its client's file"
        )
    if isinstance(as_of, datetime):
        return [row for row in rows if row["recorded_at"] <= as_of]
    if as_of is not None:
        return [row for row in rows if row["seq"] is not None and row["seq"] <= as_of]
    return rows


def fold_history(job_id: UUID, rows: list[DictRow]) -> JobState:
    """The state that these rows of one job add up to."""
    state = JobState(job_id)
    for row in rows:
        state = fold(state, parse_event(row))
    return state


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared. ``unsequenced`` events had arrived and were not in the log yet, which is no fault."""

    events: int
    jobs: int
    unsequenced: int


def verify(connection: Connection[DictRow], *, on_progress: Callable[[int], None] | None = None) -> Verification:
    """Replay every event through the fold and compare with ``ledger.jobs``; check the log and the queue.

    Reads one snapshot, in constant memory; writes nothing. ``on_progress`` is given the number of events seen so far.
    Raises VerificationFailed that names the first differences.
    """
    import psycopg

    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        raise LedgerError("verify needs a session with no open transaction")
    events = jobs = 0
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        checked = connection.execute(_INVARIANTS.encode()).fetchall()
        differences = [f"not so: {row['what']}" for row in checked if not row["holds"]]
        unsequenced = _count(connection)
        with connection.cursor(name="applied") as applied, connection.cursor(name="projected") as projected:
            applied.itersize = projected.itersize = PAGE
            applied.execute(_APPLIED.encode(), {"client_types": sorted(CLIENT_TYPES)})
            projected.execute(_PROJECTED.encode())
            rows: Iterator[Any] = iter(projected)
            next_row = next(rows, None)
            last_told = time.monotonic()
            for job_id, history in groupby(applied, key=itemgetter("job_id")):
                state = JobState(job_id)
                for row in history:
                    event = parse_event(row)
                    if isinstance(event, UnknownEvent) and (row["type"], row["v"]) in KNOWN:
                        differences.append(f"job {job_id}: event {row['id']} ({row['type']}) cannot be read")
                    state = fold(state, event)
                    events += 1
                if on_progress and time.monotonic() - last_told > 0.1:
                    last_told = time.monotonic()
                    on_progress(events)
                while next_row is not None and next_row["job_id"] < job_id:
                    differences.append(f"job {next_row['job_id']}: a row without events")
                    next_row = next(rows, None)
                found = None
                if next_row is not None and next_row["job_id"] == job_id:
                    found, next_row = next_row, next(rows, None)
                    jobs += 1
                differences += _compare(job_id, projection(state), found)
            differences += [
                f"job {row['job_id']}: a row without events" for row in (next_row, *rows) if row is not None
            ]
    if differences:
        shown = "; ".join(differences[:5]) + ("; ..." if len(differences) > 5 else "")
        raise VerificationFailed(f"{len(differences)} differences between the log and its projection: {shown}")
    return Verification(events, jobs, unsequenced)


def _count(connection: Connection[DictRow]) -> int:
    row = connection.execute(_UNSEQUENCED.encode()).fetchone()
    return int(row["n"]) if row else 0


def _compare(job_id: UUID, folded: dict[str, Any] | None, found: dict[str, Any] | None) -> list[str]:
    if folded is None or found is None:
        return (
            [] if folded is found else [f"job {job_id}: {'no row' if found is None else 'a row without its request'}"]
        )
    return [
        f"job {job_id}: {column} is {found[column]!r}, its events say {folded[column]!r}"
        for column in folded
        if found[column] != folded[column]
    ]
