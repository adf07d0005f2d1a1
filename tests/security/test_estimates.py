"""What ``explain`` estimates for a client depends on nothing that others' jobs say (P11)."""

from __future__ import annotations

import pytest
from databases import Database, new_database
from psycopg import Connection, sql
from psycopg.rows import DictRow
from security.attacked_ledger import ALICE, BOB

OTHERS = """
    insert into ledger.jobs (job_id, seq, requested_at, priority, status, owner, namespace, name,
                             run_at, finished_at, attempt)
    select overlay(gen_random_uuid()::text placing %(when)s from 1 for 8)::uuid, n, now() - n * %(every)s::interval,
           n %% %(priorities)s, %(status)s, case when n > 50 then %(bob)s else %(bob)s || (n %% 7)::text end,
           %(namespace)s, %(name)s || lpad((n %% %(names)s)::text, 4, '0'), now() + n * %(every)s::interval,
           case when %(status)s <> 'pending' then now() end, n %% 5
    from generate_series(1, 3000) n
"""
MINE = """
    insert into ledger.jobs (job_id, seq, requested_at, priority, status, owner, namespace, name)
    select gen_random_uuid(), 4000 + n, now(), 0, 'pending', %(alice)s, 'default', 'mine' from generate_series(1, 20) n
"""
SOME = {
    "bob": BOB, "when": "01a20077", "every": "1 second", "priorities": 1, "status": "completed",
    "namespace": "payroll", "name": "terminate-", "names": 3,
}  # fmt: skip
OTHER = {
    "bob": "app_eve", "when": "01b99999", "every": "1 hour", "priorities": 50, "status": "cancelled",
    "namespace": "reports", "name": "newsletter", "names": 900,
}  # fmt: skip
"""As many jobs, and as large: the log's numbers show that much too."""

CONDITIONS = [
    *(f"name {op} 'terminate-0001'" for op in ("=", "<>", "<", ">=", "~", "like")),
    *(f"status {op} 'completed'" for op in ("=", "<", ">")),
    *(f"namespace {op} 'payroll'" for op in ("=", "<", ">")),
    *(f"job_id {op} '01a20077-ffff-7000-8000-000000000000'" for op in ("=", "<", ">")),
    *(f"requested_at {op} now() - interval '30 minutes'" for op in ("=", "<", ">")),
    *(f"{time} is null" for time in ("run_at", "started_at", "cancel_requested_at")),
    *(f"{number} between 1 and 2" for number in ("priority", "attempt", "failures")),
    "name in ('terminate-0001', 'terminate-0002', 'x')",
    "true limit 10",
    "true order by name, requested_at limit 5",
]
QUERIES = [
    "table ledger.my_jobs",
    "table ledger.limits",
    "select count(*) from ledger.my_jobs",
    "select name, count(*) from ledger.my_jobs group by name",
    "select distinct namespace, name, priority from ledger.my_jobs",
    "select * from ledger.my_jobs a join ledger.my_jobs b using (name, status)",
    "select * from ledger.my_jobs a join ledger.my_jobs b on a.finished_at < b.run_at",
    "select * from ledger.pull(0) where type = 'job.requested'",
]


OF_MINE = sql.SQL("select * from ledger.my_jobs where {}")


def explain(session: Connection[DictRow], query: sql.Composable) -> list[str]:
    return [row["QUERY PLAN"] for row in session.execute(sql.SQL("explain (verbose) {}").format(query)).fetchall()]


@pytest.mark.parametrize(
    "planner", ["", "enable_indexscan", "enable_hashjoin", "enable_mergejoin", "enable_bitmapscan"]
)
def test_p11_estimates_show_nothing_of_others_jobs(
    database: Database, postgres_dsn: str, template: str, planner: str
) -> None:
    plans: list[list[str]] = []
    with new_database(postgres_dsn, template) as another:
        for place, others in ((database, SOME), (another, OTHER)):
            owner, alice = place.connect(), place.connect(ALICE)
            owner.execute(OTHERS, others)
            owner.execute(MINE, {"alice": ALICE})
            owner.execute("vacuum analyze")
            if planner:
                alice.execute(sql.SQL("set {} = off").format(sql.Identifier(planner)))
            asked = [*map(sql.SQL, QUERIES), *(OF_MINE.format(sql.SQL(condition)) for condition in CONDITIONS)]
            plans.append([line for query in asked for line in explain(alice, query)])
    assert len(plans[0]) > len(QUERIES)
    assert plans[0] == plans[1]


def test_p11_no_column_that_clients_may_read_of_others_rows_keeps_statistics(database: Database) -> None:
    owner = database.connect()
    owner.execute(OTHERS, SOME)
    owner.execute("analyze")
    kept = owner.execute("select attname from pg_stats where schemaname = 'ledger' and tablename = 'jobs'").fetchall()
    assert kept == []
    views = owner.execute("""
        select distinct d.refobjid::regclass::text as name
        from pg_class v
        join pg_rewrite r on r.ev_class = v.oid
        join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass
        where v.relnamespace = 'ledger'::regnamespace and d.refclassid = 'pg_class'::regclass and d.refobjid <> v.oid
          and has_table_privilege('app_alice', v.oid, 'select')
    """).fetchall()
    assert [row["name"] for row in views] == ["ledger.jobs"], "a view over another table needs the same of that one"
