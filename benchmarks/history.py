"""Ledgers with a past: real rows, as sequencing, claims and records would have left them, written by SQL.

No processor may run meanwhile. What stands in the log is told to the sequencer in a transaction of its own, whose
snapshot shows all that was written before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.filling import request
from benchmarks.server import value
from ledger.model.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection
    from psycopg.rows import DictRow

    from benchmarks.server import Database

CHUNK: Final = 1000
"""Jobs that were requested, started and ended together: their events follow each other in the log by kind."""

_ENDED: Final = """
    with job as materialized (
        select n, n - 1 as place, ledger.new_id() as job_id, ledger.new_id() as requested, ledger.new_id() as started,
               ledger.new_id() as completed, now() - interval '1 day' as at
        from generate_series(%(first)s::bigint, %(last)s::bigint) n
    ), event as materialized (
        select j.job_id, k.kind, e.id, j.at + k.kind * interval '1 second' as at, e.type, e.data,
               case k.kind when 0 then j.n end as replica_seq,
               %(before)s + (j.place - %(first)s + 1) + k.kind * %(jobs)s + 1 as seq
        from job j cross join generate_series(0, 2) k (kind)
        cross join lateral (
            select case k.kind when 0 then j.requested when 1 then j.started else j.completed end,
                   case k.kind when 0 then 'job.requested' when 1 then 'attempt.started' else 'job.completed' end,
                   case k.kind when 0 then %(request)s
                               when 1 then json_build_object('attempt', 1, 'processor', %(processor)s::uuid)::text
                               else '{"attempt":1,"result":null}' end) e (id, type, data)
    ), stored as (
        insert into ledger.events
            (id, job_id, type, v, owner, actor, replica_id, replica_seq, occurred_at, recorded_at, life, data)
        select e.id, e.job_id, e.type, 1, %(owner)s, case e.kind when 0 then %(owner)s else %(login)s end,
               case e.kind when 0 then %(replica)s::uuid end, e.replica_seq, e.at, e.at, ledger.current_epoch(),
               e.data::json
        from event e order by e.kind, e.seq
    ), logged as (
        insert into ledger.log (seq, event_id, owner) select e.seq, e.id, %(owner)s from event e order by e.seq
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs) values ('default', 'noop', 'completed', %(jobs)s)
    )
    insert into ledger.jobs
        (job_id, seq, requested_at, started_at, finished_at, attempt, priority, status, owner, namespace, name)
    select j.job_id, e.seq, j.at, j.at + interval '1 second', j.at + interval '2 seconds', 1, 0, 'completed',
           %(owner)s, 'default', 'noop'
    from job j join event e on e.id = j.requested order by e.seq"""

_WAITING: Final = """
    with job as materialized (
        select n, ledger.new_id() as job_id, ledger.new_id() as requested, %(before)s + n - %(first)s + 1 as seq
        from generate_series(%(first)s::bigint, %(last)s::bigint) n
    ), stored as (
        insert into ledger.events
            (id, job_id, type, v, owner, actor, replica_id, replica_seq, occurred_at, recorded_at, life, data)
        select j.requested, j.job_id, 'job.requested', 1, %(owner)s, %(owner)s, %(replica)s::uuid, j.n, now(), now(),
               ledger.current_epoch(), %(request)s::json
        from job j order by j.n
    ), logged as (
        insert into ledger.log (seq, event_id, owner) select j.seq, j.requested, %(owner)s from job j order by j.seq
    ), projected as (
        insert into ledger.jobs (job_id, seq, requested_at, priority, status, owner, namespace, name)
        select j.job_id, j.seq, now(), 0, 'pending', %(owner)s, 'default', 'noop' from job j order by j.seq
    ), tallied as (
        insert into ledger.tally (namespace, name, standing, jobs) values ('default', 'noop', 'ready', %(jobs)s)
    )
    insert into ledger.queue (job_id, seq, priority, namespace, name)
    select j.job_id, j.seq, 0, 'default', 'noop' from job j order by j.seq"""


def write_ended(database: Database, jobs: int, tell: Callable[[str], None]) -> None:
    """Add jobs that were completed yesterday: three events each."""
    _write(database, _ENDED, jobs, 3, tell)


def write_waiting(database: Database, jobs: int, tell: Callable[[str], None]) -> None:
    """Add jobs that wait, in order already: one event each."""
    _write(database, _WAITING, jobs, 1, tell)


def _write(database: Database, statement: str, jobs: int, events: int, tell: Callable[[str], None]) -> None:
    replica, processor, owner = new_id(), new_id(), database.apps[0]
    with database.look() as connection:
        before = int(value(connection, "select s.last_seq from ledger.sequencer s"))
        for first in range(1, jobs + 1, CHUNK):
            last = min(first + CHUNK - 1, jobs)
            connection.execute(
                statement.encode(),
                {
                    "first": first, "last": last, "jobs": last - first + 1, "before": before, "owner": owner,
                    "login": database.processor, "replica": replica, "processor": processor, "request": request(1),
                },
            )  # fmt: skip
            before += (last - first + 1) * events
            if last % (50 * CHUNK) == 0:
                tell(f"{last:,} of {jobs:,} jobs written")
        _tell_sequencer(connection, before)
        connection.execute(
            "insert into ledger.replicas (replica_id, owner, head, life)"
            " values (%(replica)s, %(owner)s, %(head)s, ledger.current_epoch())",
            {"replica": replica, "owner": owner, "head": jobs},
        )
        connection.execute("vacuum (analyze)")


def _tell_sequencer(connection: Connection[DictRow], last: int) -> None:
    connection.execute(
        "update ledger.sequencer set last_seq = %(last)s, snapshot = pg_current_snapshot()", {"last": last}
    )
