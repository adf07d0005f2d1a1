"""What the ledger holds at this moment, in numbers. Each is of its own moment; times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from ledger.postgres.database import Session


@dataclass(frozen=True, slots=True)
class Handler:
    """The open jobs of one name. ``oldest_ready_s`` is the time since the oldest that may start was requested."""

    namespace: str
    name: str
    ready: int
    scheduled: int
    running: int
    oldest_ready_s: int | None


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor that has not stopped and was not given up. ``holds_lock``: its session with the server is there."""

    processor: UUID
    host: str
    pid: int
    login: str
    namespaces: list[str]
    names: list[str]
    started_at: datetime
    heartbeat_age_s: float
    holds_lock: bool
    loop_still_s: float


@dataclass(frozen=True, slots=True)
class Log:
    """How far the log is, and how much has arrived that is not in it yet."""

    last_seq: int
    unsequenced: int
    oldest_unsequenced_s: float | None
    refusals: int
    server_time: datetime


@dataclass(frozen=True, slots=True)
class Leader:
    """The processor that has the common duties. ``idle_s`` is the time since it last said so.

    ``failing``: what each duty that fails now is called, with its trouble, times, since and error.
    """

    host: str
    pid: int
    backend_pid: int
    since: datetime
    failing: dict[str, dict[str, Any]]
    idle_s: float


_TOTALS: Final = """
    select c.state, sum(c.jobs)::bigint as jobs
    from ledger.job_counts c group by c.state
"""
# what waited when the schema was upgraded may have no reason written down yet
_WAITING: Final = """
    select w.reason, count(*) as jobs
    from (select coalesce(q.reason, 'due') as reason from ledger.queue q
          where q.run_at is not null order by q.run_at limit %(among)s) w
    group by w.reason order by jobs desc, w.reason
"""
_HANDLERS: Final = """
    with open as (
        select c.namespace, c.name,
               coalesce(sum(c.jobs) filter (where c.state = 'ready'), 0)::bigint as ready,
               coalesce(sum(c.jobs) filter (where c.state = 'scheduled'), 0)::bigint as scheduled,
               coalesce(sum(c.jobs) filter (where c.state = 'running'), 0)::bigint as running
        from ledger.job_counts c
        where c.state in ('ready', 'scheduled', 'running')
        group by c.namespace, c.name
    ), most as (
        select c.*, count(*) over () as names
        from open c where c.ready <> 0 or c.scheduled <> 0 or c.running <> 0
        order by c.ready + c.scheduled + c.running desc, c.namespace, c.name limit %(most)s
    )
    select s.*, round(extract(epoch from now() - e.recorded_at))::integer as oldest_ready_s
    from most s
    left join lateral (
        with recursive first as (
            -- the first of each priority, by as many looks into the index
            (select q.priority, q.seq from ledger.queue q
             where q.namespace = s.namespace and q.name = s.name and q.run_at is null
             order by q.priority desc, q.rank limit 1)
            union all
            select n.priority, n.seq
            from first f
            cross join lateral (
                select q.priority, q.seq from ledger.queue q
                where q.namespace = s.namespace and q.name = s.name and q.run_at is null and q.priority < f.priority
                order by q.priority desc, q.rank limit 1) n
        )
        select min(f.seq) as seq from first f) o on s.ready > 0
    left join ledger.log l on l.seq = o.seq
    left join ledger.events e on e.id = l.event_id
    order by s.ready + s.scheduled + s.running desc, s.namespace, s.name
"""
_PROCESSORS: Final = """
    select p.processor, p.host, p.pid, p.login, p.namespaces, p.names, p.started_at,
           round(extract(epoch from clock_timestamp() - p.heartbeat_at)::numeric, 1)::float8 as heartbeat_age_s,
           exists (
               select from pg_locks k
               where k.locktype = 'advisory' and k.granted and k.objsubid = 2
                 and k.classid = ledger.lock_class()::oid and k.objid = p.number::oid
                 and k.database = (select d.oid from pg_database d where d.datname = current_database())
           ) as holds_lock,
           extract(epoch from p.loop_still)::float8 as loop_still_s
    from ledger.processors p
    where p.stopped_at is null and p.lost_at is null
    order by p.number
"""
_LOG: Final = """
    select s.last_seq, u.events as unsequenced,
           round(extract(epoch from now() - u.oldest)::numeric, 1)::float8 as oldest_unsequenced_s,
           (select count(*) from ledger.refusals) as refusals, now() as server_time
    from ledger.sequencer s,
         lateral (
             select count(*) + (select count(*) from ledger.leftovers) as events, min(e.recorded_at) as oldest
             from ledger.events e
             where e.life = s.life and e.txid >= pg_snapshot_xmin(s.snapshot)
               and not pg_visible_in_snapshot(e.txid, s.snapshot)) u
"""
_LEADER: Final = """
    select l.host, l.pid, l.backend_pid, l.since, l.failing,
           round(extract(epoch from clock_timestamp() - l.renewed_at)::numeric, 1)::float8 as idle_s
    from ledger.leader l
    where exists (select from pg_stat_activity a where a.pid = l.backend_pid and a.datname = current_database())
"""


def count_jobs(connection: Session) -> dict[str, int]:
    """How many jobs are ready, scheduled, running, completed, failed and cancelled; what is missing is 0."""
    return {row["state"]: row["jobs"] for row in connection.execute(_TOTALS.encode()).fetchall()}


def count_waiting(connection: Session, *, among: int) -> dict[str, int]:
    """How many pending jobs do not start yet, by their reason (a ``WaitingReason`` as a rule), the most first.

    Looks at the first ``among`` by the time that they wait for; a job that may start has no reason.
    """
    rows = connection.execute(_WAITING.encode(), {"among": among}).fetchall()
    return {row["reason"]: row["jobs"] for row in rows}


def count_by_handler(connection: Session, *, most: int | None = None) -> tuple[list[Handler], int]:
    """The ``most`` handlers with the most open jobs (None: all), and how many more there are.

    Takes as long in an old ledger as in a young one: what it counts is kept up to date by those who move jobs.
    """
    rows = connection.execute(_HANDLERS.encode(), {"most": most}).fetchall()
    names = max((row.pop("names") for row in rows), default=0)
    return [Handler(**row) for row in rows], names - len(rows)


def read_processors(connection: Session) -> list[Processor]:
    """Every processor that is taken for running, the oldest first."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Processor)) as cursor:
        return cursor.execute(_PROCESSORS.encode()).fetchall()


def read_log_state(connection: Session) -> Log:
    """How far the log is."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Log)) as cursor:
        [log] = cursor.execute(_LOG.encode()).fetchall()
    return log


def read_leader(connection: Session) -> Leader | None:
    """Who leads now, as far as the ledger knows; None where nobody does."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Leader)) as cursor:
        return cursor.execute(_LEADER.encode()).fetchone()
