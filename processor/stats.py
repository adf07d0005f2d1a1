"""What the ledger holds at this moment, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

JOBS: Final = "select j.status, count(*) as jobs from ledger.jobs j group by j.status"
HANDLERS: Final = """
    select coalesce(w.namespace, r.namespace) as namespace, coalesce(w.name, r.name) as name,
           coalesce(w.ready, 0) as ready, coalesce(w.scheduled, 0) as scheduled, coalesce(r.running, 0) as running,
           round(extract(epoch from now() - o.requested_at))::integer as oldest_ready_s
    from (
        select q.namespace, q.name, count(*) filter (where q.run_at is null) as ready,
               count(*) filter (where q.run_at is not null) as scheduled,
               min(q.seq) filter (where q.run_at is null) as oldest
        from ledger.queue q group by q.namespace, q.name) w
    full join (
        select j.namespace, j.name, count(*) as running
        from ledger.claims c cross join lateral unnest(c.job_ids) x (job_id)
        join ledger.jobs j on j.job_id = x.job_id and j.processor = c.processor and j.status = 'running'
        group by j.namespace, j.name) r
        on (r.namespace, r.name) = (w.namespace, w.name)
    left join lateral (
        select e.recorded_at as requested_at from ledger.log l join ledger.events e on e.id = l.event_id
        where l.seq = w.oldest) o on true
    order by 1, 2
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
STATUSES: Final = ("pending", "running", "completed", "failed", "cancelled")


def read_stats(connection: Connection[DictRow]) -> dict[str, Any]:
    """Jobs by status and by handler, live processors, and how far the log is. Each part is of its own moment.

    Times are in seconds; ``oldest_ready_s`` is how long the first job in line has waited since it was requested.
    """
    counted = {row["status"]: row["jobs"] for row in _rows(connection, JOBS)}
    handlers = _rows(connection, HANDLERS)
    [log] = _rows(connection, LOG)
    return {
        "jobs": {status: counted.get(status, 0) for status in STATUSES},
        "ready": sum(row["ready"] for row in handlers),
        "scheduled": sum(row["scheduled"] for row in handlers),
        "handlers": handlers,
        "processors": _rows(connection, PROCESSORS),
        "sequencer": next(iter(_rows(connection, SEQUENCER)), None),
        "log": log,
    }


def _rows(connection: Connection[DictRow], query: str) -> list[DictRow]:
    return connection.execute(query.encode()).fetchall()
