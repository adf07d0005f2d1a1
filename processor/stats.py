"""What the ledger holds at this moment, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

HANDLERS: Final = """
    with standing as (
        select t.namespace, t.name,
               coalesce(sum(t.jobs) filter (where t.standing = 'ready'), 0)::bigint as ready,
               coalesce(sum(t.jobs) filter (where t.standing = 'scheduled'), 0)::bigint as scheduled,
               coalesce(sum(t.jobs) filter (where t.standing = 'running'), 0)::bigint as running,
               coalesce(sum(t.jobs) filter (where t.standing = 'completed'), 0)::bigint as completed,
               coalesce(sum(t.jobs) filter (where t.standing = 'failed'), 0)::bigint as failed,
               coalesce(sum(t.jobs) filter (where t.standing = 'cancelled'), 0)::bigint as cancelled
        from ledger.tally t group by t.namespace, t.name
    )
    select s.*, round(extract(epoch from now() - e.recorded_at))::integer as oldest_ready_s
    from standing s
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
    order by s.namespace, s.name
"""
PROCESSORS: Final = """
    select p.processor, p.host, p.pid, p.login, p.namespaces, p.names, p.started_at,
           round(extract(epoch from clock_timestamp() - p.heartbeat_at)::numeric, 1)::float8 as heartbeat_age_s,
           exists (
               select from pg_locks k
               where k.locktype = 'advisory' and k.granted and k.objsubid = 2
                 and k.classid = ledger.lock_class()::oid and k.objid = p.number::oid
                 and k.database = (select d.oid from pg_database d where d.datname = current_database())
           ) as holds_lock
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
    select a.pid, a.application_name, a.client_addr::text as client
    from pg_locks k left join pg_stat_activity a on a.pid = k.pid
    where k.locktype = 'advisory' and k.granted and k.objsubid = 2
      and k.classid = ledger.lock_class()::oid and k.objid = 0
      and k.database = (select d.oid from pg_database d where d.datname = current_database())
"""
WAITING: Final = ("ready", "scheduled")
ENDED: Final = ("completed", "failed", "cancelled")


def read_stats(connection: Connection[DictRow]) -> dict[str, Any]:
    """Jobs by status and by handler, live processors, and how far the log is. Each part is of its own moment.

    Times are in seconds; ``oldest_ready_s`` is the time since the oldest job that may start was requested.
    Takes as long in an old ledger as in a young one: what it counts is kept as a tally.
    """
    handlers = _rows(connection, HANDLERS)
    counted = {standing: sum(row[standing] for row in handlers) for standing in (*WAITING, "running", *ENDED)}
    [log] = _rows(connection, LOG)
    return {
        "jobs": {
            "pending": counted["ready"] + counted["scheduled"],
            **{status: counted[status] for status in ("running", *ENDED)},
        },
        **{standing: counted[standing] for standing in WAITING},
        "handlers": [
            {what: found for what, found in row.items() if what not in ENDED}
            for row in handlers
            if row["ready"] or row["scheduled"] or row["running"]
        ],
        "processors": _rows(connection, PROCESSORS),
        "sequencer": next(iter(_rows(connection, SEQUENCER)), None),
        "log": log,
    }


def _rows(connection: Connection[DictRow], query: str) -> list[DictRow]:
    return connection.execute(query.encode()).fetchall()
