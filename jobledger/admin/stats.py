"""What the ledger holds at this moment, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

TOTALS: Final = """
    select c.standing, sum(c.jobs)::bigint as jobs
    from (select * from ledger.counts union all select * from ledger.tally) c group by c.standing
"""
HANDLERS: Final = """
    with standing as (
        select c.namespace, c.name,
               coalesce(sum(c.jobs) filter (where c.standing = 'ready'), 0)::bigint as ready,
               coalesce(sum(c.jobs) filter (where c.standing = 'scheduled'), 0)::bigint as scheduled,
               coalesce(sum(c.jobs) filter (where c.standing = 'running'), 0)::bigint as running
        from (select * from ledger.counts union all select * from ledger.tally) c
        where c.standing in ('ready', 'scheduled', 'running')
        group by c.namespace, c.name
    ), most as (
        select c.*, count(*) over () as names
        from standing c where c.ready <> 0 or c.scheduled <> 0 or c.running <> 0
        order by c.ready + c.scheduled + c.running desc, c.namespace, c.name limit %(most)s
    )
    select s.*, round(extract(epoch from now() - e.recorded_at))::integer as oldest_ready_s
    from most s
    left join lateral (
        with recursive first as (
            -- the first of each priority, by as many looks into the index
            (select q.priority, q.seq from ledger.queue q
             where q.namespace = s.namespace and q.name = s.name and q.run_at is null
             order by q.priority desc, q.seq limit 1)
            union all
            select n.priority, n.seq
            from first f
            cross join lateral (
                select q.priority, q.seq from ledger.queue q
                where q.namespace = s.namespace and q.name = s.name and q.run_at is null and q.priority < f.priority
                order by q.priority desc, q.seq limit 1) n
        )
        select min(f.seq) as seq from first f) o on s.ready > 0
    left join ledger.log l on l.seq = o.seq
    left join ledger.events e on e.id = l.event_id
    order by s.ready + s.scheduled + s.running desc, s.namespace, s.name
"""
PROCESSORS: Final = """
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
LOG: Final = """
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
SEQUENCER: Final = """
    select l.host, l.pid, l.backend_pid, l.since,
           round(extract(epoch from clock_timestamp() - l.renewed_at)::numeric, 1)::float8 as idle_s
    from ledger.leader l
    where exists (select from pg_stat_activity a where a.pid = l.backend_pid and a.datname = current_database())
"""
WAITING: Final = ("ready", "scheduled")
ENDED: Final = ("completed", "failed", "cancelled")


def read_stats(connection: Connection[DictRow], *, most: int | None = None) -> dict[str, Any]:
    """Jobs by status and by handler, live processors, and how far the log is. Each part is of its own moment.

    Times are in seconds; ``oldest_ready_s`` is the time since the oldest job that may start was requested.
    With ``most``, only so many handlers, those with the most open jobs; ``more_handlers`` says how many are left out.
    Takes as long in an old ledger as in a young one: what it counts is kept as a tally.
    """
    counted = {row["standing"]: row["jobs"] for row in _rows(connection, TOTALS)}
    handlers = _rows(connection, HANDLERS, most=most)
    names = [row.pop("names") for row in handlers]
    [log] = _rows(connection, LOG)
    return {
        "jobs": {
            "pending": sum(counted.get(standing, 0) for standing in WAITING),
            **{status: counted.get(status, 0) for status in ("running", *ENDED)},
        },
        **{standing: counted.get(standing, 0) for standing in WAITING},
        "handlers": handlers,
        "more_handlers": max(names, default=0) - len(handlers),
        "processors": _rows(connection, PROCESSORS),
        "sequencer": next(iter(_rows(connection, SEQUENCER)), None),
        "log": log,
    }


def _rows(connection: Connection[DictRow], query: str, **parameters: Any) -> list[DictRow]:
    return connection.execute(query.encode(), parameters or None).fetchall()
