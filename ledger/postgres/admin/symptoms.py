"""What may be wrong with a ledger and its server: one question each. All of them only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from ledger.postgres.database import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unserved:
    """Jobs of one name wait, and no live processor serves it."""

    namespace: str
    name: str
    jobs: int


@dataclass(frozen=True, slots=True)
class AllUnserved:
    """The names with the most such jobs, and how many names and jobs there are in all."""

    shown: list[Unserved]
    names: int
    jobs: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """Jobs whose time has come, and that still cannot be claimed."""

    jobs: int
    oldest_s: int | None


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Claims of processors that are gone."""

    processors: int
    claims: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """Attempts on one processor that ran out of time and go on; one of their jobs."""

    processor: UUID
    host: str
    pid: int
    attempts: int
    job_id: str


@dataclass(frozen=True, slots=True)
class LongTransaction:
    """A session that has been in one transaction for long."""

    pid: int
    usename: str | None
    application_name: str | None
    state: str | None
    age_s: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared transaction: it has no session, and keeps its locks until somebody ends it by name."""

    gid: str
    owner: str
    age_s: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Events that not every reader can read, and the first of them."""

    events: int
    first: str | None


_UNSERVED: Final = """
    select w.namespace, w.name, w.jobs, count(*) over () as names, (sum(w.jobs) over ())::bigint as all_jobs
    from (
        select c.namespace, c.name, sum(c.jobs)::bigint as jobs
        from ledger.job_counts c
        where c.state in ('ready', 'scheduled')
        group by c.namespace, c.name having sum(c.jobs) > 0) w
    where not exists (
        select from ledger.processors p
        where p.stopped_at is null and p.lost_at is null
          and w.namespace = any (p.namespaces) and w.name = any (p.names))
    order by w.jobs desc, w.namespace, w.name limit %(most)s
"""
_OVERDUE: Final = """
    select count(*) as jobs, round(extract(epoch from now() - min(q.run_at)))::integer as oldest_s
    from ledger.queue q where q.run_at < now() - %(backlog)s * interval '1 second'
"""
_LEFT_BEHIND: Final = """
    select count(distinct c.processor) as processors, count(*) as claims
    from ledger.claims c join ledger.processors p on p.processor = c.processor
    where p.stopped_at < now() - interval '10 seconds' or p.lost_at < now() - interval '10 seconds'
"""
_STOPPING_ATTEMPTS: Final = """
    select c.processor, p.host, p.pid, count(*) as attempts, min(j.job_id::text) as job_id
    from ledger.claims c
    join ledger.processors p on p.processor = c.processor
    cross join lateral unnest(c.job_ids, c.attempts) x (job_id, attempt)
    join ledger.jobs j
        on j.job_id = x.job_id and j.attempt = x.attempt and j.processor = c.processor and j.status = 'running'
    cross join lateral (
        select e.data ->> 'message' as message from ledger.events e
        where e.job_id = j.job_id and e.type = 'attempt.progressed' and e.data ->> 'attempt' = j.attempt::text
        order by e.txid desc, e.position desc nulls last, e.id desc limit 1) s
    where s.message = %(stopping)s
    group by c.processor, p.host, p.pid order by c.processor
"""
_LONG_TRANSACTIONS: Final = """
    select a.pid, a.usename, a.application_name, a.state,
           round(extract(epoch from now() - a.xact_start))::integer as age_s
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and a.xact_start < now() - %(age)s::interval
    order by a.xact_start
"""
_CLOCK: Final = "select extract(epoch from clock_timestamp())::float8 as server_time"
_QUEUE_USAGE: Final = "select pg_notification_queue_usage() as used"
_AHEAD: Final = """
    select count(distinct t.replica_id) as replicas from ledger.replica_turns t
    where t.what = 'replica.rewound' and t.life = ledger.current_epoch()
"""
_SAME_DATABASE: Final = """
    select (l.system_identifier, l.timeline, l.database_oid) = (i.system_identifier, i.timeline, i.database_oid) as same
    from ledger.epochs l, ledger.identity() i where l.number = ledger.current_epoch()
"""
_UNREADABLE: Final = """
    select count(*) as events, min(e.id::text) as first
    from (select l.event_id from ledger.log l order by l.seq desc limit %(latest)s) l
    join ledger.events e on e.id = l.event_id
    where ledger.is_suspect(e.data::text) and ledger.why_unreadable(e.data::text) is not null
"""
_PREPARED: Final = """
    select p.gid, p.owner, round(extract(epoch from now() - p.prepared))::integer as age_s
    from pg_prepared_xacts p where p.database = current_database() order by p.prepared
"""


def find_unserved(connection: Session, *, most: int | None = None) -> AllUnserved:
    """Which names wait without a processor; in detail only ``most`` of them (None: all)."""
    rows = connection.execute(_UNSERVED.encode(), {"most": most}).fetchall()
    if not rows:
        return AllUnserved([], 0, 0)
    shown = [Unserved(row["namespace"], row["name"], row["jobs"]) for row in rows]
    return AllUnserved(shown, rows[0]["names"], rows[0]["all_jobs"])


def find_overdue(connection: Session, *, later_than_s: float) -> Overdue:
    """Jobs that could not be claimed so long after their time."""
    return _one(connection, Overdue, _OVERDUE, backlog=later_than_s)


def find_left_behind(connection: Session) -> LeftBehind:
    """Claims that nobody has taken back from processors that are gone."""
    return _one(connection, LeftBehind, _LEFT_BEHIND)


def find_stopping(connection: Session, message: str) -> list[Stopping]:
    """Running attempts whose latest progress has this message, by processor."""
    return _all(connection, Stopping, _STOPPING_ATTEMPTS, stopping=message)


def find_long_transactions(connection: Session, *, longer_than: str) -> list[LongTransaction]:
    """Others' transactions in this database that are older than that (an interval), the oldest first."""
    return _all(connection, LongTransaction, _LONG_TRANSACTIONS, age=longer_than)


def find_prepared(connection: Session) -> list[Prepared]:
    """Prepared transactions in this database, the oldest first."""
    return _all(connection, Prepared, _PREPARED)


def find_unreadable(connection: Session, *, among: int) -> Unreadable:
    """Among so many of the latest events, those that not every reader can read."""
    return _one(connection, Unreadable, _UNREADABLE, latest=among)


def read_clock(connection: Session) -> float:
    """The server's clock, in seconds since 1970."""
    return float(_value(connection, _CLOCK))


def read_queue_usage(connection: Session) -> float:
    """How full the cluster's queue of notifications is, from 0 to 1."""
    return float(_value(connection, _QUEUE_USAGE))


def is_same_database(connection: Session) -> bool:
    """Whether this is the database that the current epoch began in: not restored, promoted or copied since."""
    return bool(_value(connection, _SAME_DATABASE))


def count_replicas_ahead(connection: Session) -> int:
    """How many client files say that they had sent more in this epoch than is here."""
    return int(_value(connection, _AHEAD))


def _all(connection: Session, kind: type[T], query: str, **parameters: Any) -> list[T]:
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query.encode(), parameters or None).fetchall()


def _one(connection: Session, kind: type[T], query: str, **parameters: Any) -> T:
    [found] = _all(connection, kind, query, **parameters)
    return found


def _value(connection: Session, query: str) -> Any:
    [row] = connection.execute(query.encode()).fetchall()
    return next(iter(row.values()))
