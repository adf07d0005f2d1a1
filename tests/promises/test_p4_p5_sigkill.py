"""P4 and P5 under SIGKILL: processors die at random moments; nothing is lost, nothing counts twice."""

from __future__ import annotations

import random
import signal
import statistics
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from databases import Database
from ledger_calls import assert_projection_is_fold
from psycopg import Connection
from psycopg.rows import DictRow
from serving import processor
from waiting import until

from client_sync import JobClient

JOBS = 400
KILLS = 3


def value(connection: Connection[DictRow], query: str, **parameters: object) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    return next(iter(row.values())) if row else None


def ended(connection: Connection[DictRow], at_least: float) -> bool:
    """Whether so many jobs have ended."""
    query = "select count(*) from ledger.jobs where status in ('completed', 'failed', 'cancelled')"
    return bool(value(connection, query) >= at_least)


def registered(connection: Connection[DictRow], process: subprocess.Popen[bytes]) -> object:
    return value(connection, "select processor from ledger.processors where pid = %(pid)s", pid=process.pid)


@pytest.mark.parametrize("seed", [20261121])
def test_p4_p5_processors_killed_at_random_moments_lose_and_double_nothing(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    chance, owner = random.Random(seed), database.connect()
    delays: list[float] = []
    with ExitStack() as stack:
        jobs = stack.enter_context(JobClient(tmp_path / "app.db", dsn=database.dsn_as("app_alice")))
        ids = list(jobs.submit_many({"name": "square", "params": {"n": n}} for n in range(JOBS)))
        cancelled = set(chance.sample(ids, 20))
        for job_id in cancelled:
            jobs.cancel(job_id)
        jobs.sync()
        log = tmp_path / "processors.log"
        alive = [stack.enter_context(processor(database.dsn_as("worker"), log, "--threads", "4")) for _ in range(2)]
        for number in range(KILLS):
            until(lambda: all(registered(owner, process) for process in alive), "both processors to register")
            moment = (number + chance.random()) * JOBS / (KILLS + 1)
            until(partial(ended, owner, moment), "the moment to kill")
            killed = alive.pop(chance.randrange(2))
            killed_id = registered(owner, killed)
            killed_at = value(owner, "select clock_timestamp()")
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            alive.append(stack.enter_context(processor(database.dsn_as("worker"), log, "--threads", "4")))
            delay = until(partial(restarted_after, owner, killed_id, killed_at), "the lost jobs to be taken up")
            delays += [delay] if delay >= 0 else []
        until(partial(ended, owner, JOBS), "every job to end")
        assert_projection_is_fold(owner)
        jobs.sync()
        found = {job.id: job for job in jobs.list(limit=JOBS + 1)}

    assert set(found) == set(ids)
    for n, job_id in enumerate(ids):
        job = found[job_id]
        expected = ("cancelled", None) if job_id in cancelled else ("completed", {"square": n * n})
        assert (job.status, job.result) == expected, log.read_text()
    per_job = owner.execute(
        """
        select e.job_id, count(*) as n from ledger.events e
        where e.type in ('job.completed', 'job.failed', 'job.cancelled') group by e.job_id
        """
    ).fetchall()
    assert {UUID(str(row["job_id"])): row["n"] for row in per_job} == dict.fromkeys(ids, 1)
    with capsys.disabled():
        times = ", ".join(f"{delay:.2f} s" for delay in delays)
        middle = statistics.median(delays) if delays else 0.0
        print(f"\n  from the kill to the first lost job running again: {times}; median {middle:.2f} s")  # noqa: T201  for whoever runs it


def restarted_after(connection: Connection[DictRow], killed: object, killed_at: object) -> float | None:
    """Seconds from the kill to the first of the killed's jobs running again; -1 where it held none; None: not yet."""
    row = connection.execute(
        """
        select p.lost_at is not null as noticed,
               exists (select from ledger.claims c where c.processor = p.processor) as unsettled,
               (select extract(epoch from min(s.recorded_at) - %(killed_at)s)::float
                from ledger.events l join ledger.events s
                    on s.job_id = l.job_id and s.type = 'attempt.started' and s.recorded_at > l.recorded_at
                where l.type = 'attempt.lost' and l.data ->> 'processor' = p.processor::text) as seconds,
               exists (select from ledger.events l
                       where l.type = 'attempt.lost' and l.data ->> 'processor' = p.processor::text) as held_some
        from ledger.processors p where p.processor = %(killed)s
        """,
        {"killed": killed, "killed_at": killed_at},
    ).fetchone()
    if row is None or not row["noticed"] or row["unsettled"]:
        return None
    return row["seconds"] if row["held_some"] else -1.0
