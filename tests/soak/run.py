"""One soak from its start to its verdict."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from ledger_calls import sequence
from psycopg import Connection
from psycopg.rows import DictRow

from client_sync import JobClient
from ledger.errors import LedgerError
from ledger.postgres.database import connect
from soak import settings
from soak.oracle import Oracle
from soak.processors import Processors
from soak.proxy import Proxy
from soak.replicas import DRAIN_WITHIN_S, HOSTILE, MISBEHAVED, Fleet
from soak.server import Place, Service, place
from soak.troubles import Troubles, plan_troubles
from soak.verdict import Verdict, judge

SAY_EVERY_S: Final = 10.0
SETTLE_WITHIN_S: Final = 120.0
RESTS_S: Final = 12.0
"""So long the soak's own sequencer leaves the work to real processors, between two times of its own."""


@dataclass(frozen=True)
class Plan:
    """What to run. With ``steps`` the run ends when every file has made so many; ``seconds`` then is its limit.

    ``restarts`` and ``troubles`` are how often the server dies, and each trouble comes; ``odd_settings`` how many of
    them the sessions of one file have at most.
    """

    seconds: float
    seed: int
    replicas: int = 20
    owners: int = 3
    steps: int | None = None
    dsn: str | None = None
    restarts: int | None = None
    lives: int = 1
    processors: int = 2
    troubles: int | None = None
    odd_settings: int = 3
    hostile: bool = True


@dataclass
class Outcome:
    """The results of a run: numbers, and what was wrong."""

    plan: Plan
    verdict: Verdict
    faults: dict[str, int]
    steps: dict[str, int]
    server: dict[str, int]
    connections: int
    drained_s: list[float]
    settled: bool
    seconds: float
    cpu_s: float

    @property
    def clean(self) -> bool:
        return self.verdict.clean and self.settled


def soak(plan: Plan) -> Outcome:
    """Run it. Everything it starts is gone when this returns or raises."""
    began, cpu_before = time.monotonic(), _cpu()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="jobledger-soak-")))
        ours = opened.enter_context(place(plan.dsn, plan.owners))
        proxy = opened.enter_context(Proxy(ours.address, plan.seed))
        oracle = Oracle()
        service = Service(ours, oracle, plan.seed, rests_s=RESTS_S if plan.processors else 0.0)
        more = ({"hostile": HOSTILE} if plan.hostile else {}) | ({"misbehave": MISBEHAVED} if plan.processors else {})
        fleet = Fleet(folder, oracle, plan.seed, steps=plan.steps, most=plan.replicas * 2, more=more)
        processors = Processors(ours.dsn_as(ours.worker), folder, oracle, plan.seed, plan.processors)
        for end in (
            processors.stop,
            service.stop,
            fleet.abandon,
            service.halt,
            proxy.heal,
        ):  # also after Ctrl-C; last first
            opened.callback(end)

        service.start()
        processors.start()
        for n in range(plan.replicas):
            owner = ours.owners[n % plan.owners]
            odd = settings.draw(Random(f"{plan.seed}/settings/{n}"), plan.odd_settings)
            fleet.add(owner, ours.dsn_as(owner, through=("127.0.0.1", proxy.port), options=settings.as_options(odd)))
        started = time.monotonic()

        def progress() -> float:
            elapsed = (time.monotonic() - started) / plan.seconds
            if plan.steps is None:
                return elapsed
            return max(elapsed, fleet.done / (plan.steps * max(len(fleet.replicas), 1)))

        restarts = max(1, round(plan.seconds / 15)) if plan.restarts is None else plan.restarts
        often = max(1, round(plan.seconds / 10)) if plan.troubles is None else plan.troubles
        troubles = Troubles(ours, oracle, plan_troubles(plan.seed, often, odd_roles=plan.odd_settings > 0), progress)
        opened.callback(troubles.halt)
        troubles.start()
        disturber = service.disturb(progress, restarts, plan.lives)
        _wait(plan, fleet, oracle, proxy, started)
        disturber.join(150)
        troubles.stop()
        proxy.heal()
        fleet.heal()
        service.calm()
        processors.calm()
        settled = _settle(ours, fleet, oracle)
        processors.stop()
        service.stop()
        with connect(ours.dsn) as connection:
            sequence(connection)  # what the processors said of their own end
            verdict = judge(connection, {replica.path: replica.owner for replica in fleet.replicas}, oracle)
        return Outcome(
            plan, verdict, dict(proxy.injected), dict(oracle.steps),
            dict(service.happened + processors.happened + troubles.happened),
            proxy.connections,
            sorted(DRAIN_WITHIN_S if r.drained_s is None else r.drained_s for r in fleet.replicas),
            settled, time.monotonic() - began, _cpu() - cpu_before,
        )  # fmt: skip


def _wait(plan: Plan, fleet: Fleet, oracle: Oracle, proxy: Proxy, started: float) -> None:
    """Until the time is over, or every file has made its steps."""
    said = started
    while (now := time.monotonic()) - started < plan.seconds and fleet.working:
        if now - said >= SAY_EVERY_S:
            said = now
            _say(
                f"{now - started:.0f} s: {len(fleet.replicas)} files, {fleet.done} steps, {len(oracle.written)} events,"
                f" {proxy.connections} connections, {proxy.injected.total()} faults, {len(oracle.errors)} errors"
            )
        time.sleep(0.05)


def _settle(ours: Place, fleet: Fleet, oracle: Oracle) -> bool:
    """Wait until every file has sent all, every job has ended, and every file has read all. False if that never is."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    for replica in fleet.replicas:
        replica.join(max(deadline - time.monotonic(), 0))
    if any(replica.is_alive() for replica in fleet.replicas):
        return False
    with connect(ours.dsn) as connection:
        while True:
            row = connection.execute(
                """
                select count(*) filter (where j.status in ('pending', 'running')) as open,
                       (select count(*) from ledger.events e
                        where not exists (select from ledger.log l where l.event_id = e.id)) as unsequenced
                from ledger.jobs j"""
            ).fetchone()
            assert row is not None
            if row["open"] == 0 and row["unsequenced"] == 0:
                break
            if time.monotonic() > deadline:
                _tell_open(connection)
                return False
            _say(f"settling: {row['open']} jobs open, {row['unsequenced']} events not in order")
            time.sleep(0.5)
    with ThreadPoolExecutor(4) as pool:
        quiet = pool.map(lambda replica: _read_all(replica.path, replica.dsn, deadline, oracle), fleet.replicas)
        return all(quiet)


def _tell_open(connection: Connection[DictRow]) -> None:
    rows = connection.execute(
        """
        select j.job_id, j.name, j.status, j.attempt, j.losses, p.stopped_at, p.lost_at, q.run_at,
               q.job_id is null as unqueued
        from ledger.jobs j left join ledger.processors p on p.processor = j.processor
        left join ledger.queue q on q.job_id = j.job_id
        where j.status in ('pending', 'running') limit 20"""
    ).fetchall()
    for row in rows:
        _say("open: " + ", ".join(f"{name} {value}" for name, value in row.items() if value is not None))


def _read_all(path: Path, dsn: str, deadline: float, oracle: Oracle) -> bool:
    """Sync until neither side has anything new."""
    with JobClient(path, dsn=dsn, create=False) as client:
        while time.monotonic() < deadline:
            try:
                result = client.sync()
            except LedgerError as error:
                oracle.error(f"file {path.stem}, after healing", error)
                return False
            if result.pushed + result.refused + result.pulled == 0:
                return True
    return False


def _cpu() -> float:
    """CPU seconds of this process and of children that have ended (Postgres only as far as it ended orderly)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _say(line: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"soak: {line}\n")
        sys.stderr.flush()
