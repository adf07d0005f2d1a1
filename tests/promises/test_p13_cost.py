"""P13: cost per job does not grow with the age of the ledger. Counted in rows that Postgres had to look at."""

from __future__ import annotations

from databases import Database
from ledger_calls import Draft, Worker, assert_projection_is_fold, cancel, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from jobledger.admin.stats import read_stats
from ledger.model.ids import new_id

JOBS = 50
HISTORY = 3_000

READ = """
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint as n
    from pg_stat_user_tables where schemaname = 'ledger'
"""


def test_p13_a_job_costs_the_same_in_an_old_ledger(database: Database) -> None:
    alice, owner, worker = database.connect("app_alice"), database.connect("worker"), Worker(database.connect("worker"))
    everybody = [alice, owner, worker.connection]

    def run_jobs(count: int) -> int:
        before = rows_read(everybody)
        push_jobs(alice, count)
        sequence(owner)
        while claimed := worker.claim(JOBS):
            worker.record(*((job, "job.completed", {}) for job in claimed))
        worker.connection.execute("select ledger.forget_claims(%(processor)s)", {"processor": worker.id})
        last = owner.execute("select last_seq from ledger.sequencer").fetchone()
        assert last is not None
        sequence(owner)
        alice.execute(
            "select * from ledger.pull(%(after)s::bigint, null, 1000)", {"after": last["last_seq"]}
        ).fetchall()
        return rows_read(everybody) - before

    young = sorted(run_jobs(JOBS) for _ in range(5))[2]
    run_jobs(HISTORY)
    owner.execute("analyze")  # as autovacuum does: a plan made for what it tells must be as good
    for session in everybody:
        session.execute("discard plans")
    old = sorted(run_jobs(JOBS) for _ in range(5))[2]
    assert old <= young * 1.1, f"{young / JOBS:.1f} rows a job in a young ledger, {old / JOBS:.1f} in an old one"
    assert_projection_is_fold(database.connect())


def test_p13_a_transaction_that_stays_open_elsewhere_costs_nobody_anything(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()

    def request() -> int:
        before = rows_read([alice, owner])
        push_jobs(alice, JOBS)
        sequence(owner)
        return rows_read([alice, owner]) - before

    young = sorted(request() for _ in range(5))[2]
    elsewhere = database.connect()
    with elsewhere.transaction():
        elsewhere.execute("select pg_current_xact_id()")
        push_jobs(alice, HISTORY)
        sequence(owner)
        old = sorted(request() for _ in range(5))[2]
    assert old <= young * 1.1, f"{young / JOBS:.1f} rows a job before it, {old / JOBS:.1f} while it is open"


def test_p13_cancels_of_jobs_that_never_come_cost_the_later_jobs_nothing(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()

    def request_and_cancel() -> int:
        before = rows_read([alice, owner])
        for job in push_jobs(alice, JOBS):
            cancel(alice, job)
        sequence(owner)
        return rows_read([alice, owner]) - before

    young = sorted(request_and_cancel() for _ in range(5))[2]
    push(alice, new_id(), 0, [Draft("job.cancel_requested", "{}") for _ in range(HISTORY)])
    sequence(owner)
    old = sorted(request_and_cancel() for _ in range(5))[2]
    assert old <= young * 1.1, f"{young / JOBS:.1f} rows a job before them, {old / JOBS:.1f} after"
    assert_projection_is_fold(owner)


def test_p13_looking_costs_the_same_in_an_old_ledger(database: Database) -> None:
    alice, bob, owner = database.connect("app_alice"), database.connect("app_bob"), database.connect()

    def look() -> int:
        before = rows_read([alice, bob, owner])
        read_stats(owner)
        assert len(bob.execute("select * from ledger.pull(0)").fetchall()) == 1, "nothing is his"
        assert len(alice.execute("select * from ledger.my_jobs order by job_id desc limit 20").fetchall()) == 20
        return rows_read([alice, bob, owner]) - before

    push_jobs(alice, JOBS)
    sequence(owner)
    owner.execute("analyze")
    young = look()
    push_jobs(alice, HISTORY)
    sequence(owner)
    owner.execute("analyze")
    assert look() <= young * 1.1


def rows_read(connections: list[Connection[DictRow]]) -> int:
    for connection in connections:
        connection.execute("select pg_stat_force_next_flush()")
        connection.execute("select 1")
    row = connections[0].execute(READ).fetchone()
    assert row is not None
    return int(row["n"])
