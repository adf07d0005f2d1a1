"""What Postgres has to touch for each hot call, from its own counters: rows read end to end, and pages.

The statements inside functions are counted like all others. (``auto_explain`` would show their plans, where a server
has it.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from benchmarks.filling import push_jobs, sequence_all
from ledger.model.ids import new_id
from ledger.postgres.feed import read_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection
    from psycopg.rows import DictRow

    from benchmarks.server import Database

BATCH: Final = 100
_COUNTERS: Final = """
    select sum(t.seq_tup_read) filter (where t.relname in ('events', 'log', 'jobs', 'queue'))::bigint as scanned,
           sum(b.heap_blks_hit + b.heap_blks_read + coalesce(b.idx_blks_hit + b.idx_blks_read, 0))::bigint as pages
    from pg_stat_user_tables t join pg_statio_user_tables b using (relid) where t.schemaname = 'ledger'"""


@dataclass(frozen=True, slots=True)
class Touched:
    """``scanned``: rows of the growing tables read from end to end."""

    scanned: int
    pages: int


def touched_by_hot_calls(database: Database) -> dict[str, Touched]:
    """Sequence, claim, record, pull, list and read the history of ``BATCH`` new jobs, which end as completed.

    The database must have no processor at work.
    """
    sequence_all(database)
    push_jobs(database, BATCH)
    found: dict[str, Touched] = {}
    worker, app, processor = database.processor, database.apps[0], new_id()
    with database.look() as connection, database.look() as counting:
        last = connection.execute("select last_seq from ledger.sequencer").fetchall()[0]["last_seq"]

        def count(name: str, login: str, work: Callable[[], Any]) -> Any:
            before = _counters(connection, counting)
            connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(login)))
            result = work()
            connection.execute("reset session authorization")
            after = _counters(connection, counting)
            found[name] = Touched(**{counter: after[counter] - before[counter] for counter in after})
            return result

        def call(name: str, login: str, query: str, **parameters: object) -> list[DictRow]:
            rows: list[DictRow] = count(
                name, login, lambda: connection.execute(query.encode(), parameters or None).fetchall()
            )
            return rows

        call(
            "register",
            worker,
            "select ledger.register_processor(%(processor)s, 'bench', 1, '{default}', '{noop}')",
            processor=processor,
        )
        call("sequence", worker, "select * from ledger.sequence()")
        claimed = call(
            "claim",
            worker,
            "select c.job_id from ledger.claim(%(processor)s, %(claim)s, '{default}', '{noop}', %(limit)s) c",
            processor=processor, claim=new_id(), limit=BATCH,
        )  # fmt: skip
        jobs = [row["job_id"] for row in claimed]
        call(
            "record",
            worker,
            """
            select * from ledger.record(
                %(processor)s, %(ids)s::uuid[], %(jobs)s::uuid[], array_fill(1, array[%(n)s]),
                array_fill('job.completed'::text, array[%(n)s]), array_fill(now(), array[%(n)s]),
                array_fill('{"attempt":1}'::text, array[%(n)s]))""",
            processor=processor, ids=[new_id() for _ in jobs], jobs=jobs, n=len(jobs),
        )  # fmt: skip
        call("stop", worker, "select ledger.stop_processor(%(processor)s)", processor=processor)
        call("pull", app, "select * from ledger.pull(%(after)s::bigint, null, %(limit)s)", after=last, limit=BATCH)
        first = "select * from ledger.pull(0, null, %(limit)s)"
        call("pull, by an owner with nothing", database.apps[-1], first, limit=BATCH)
        call("list", app, "select * from ledger.my_jobs order by job_id desc limit %(limit)s", limit=BATCH)
        count("history", worker, lambda: read_history(connection, jobs[0]))
    # a processor speaks only for the login that registered it, so these went the same way; they are no hot calls
    del found["register"], found["stop"]
    return found


def _counters(connection: Connection[DictRow], counting: Connection[DictRow]) -> DictRow:
    connection.execute("select pg_stat_force_next_flush()")
    connection.execute("select 1")  # what was counted until here is handed over after this one
    row = counting.execute(_COUNTERS).fetchone()
    assert row is not None
    return row
