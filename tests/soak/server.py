"""The server's side of a soak: a Postgres that dies now and then, a sequencer, and workers that are not reliable."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from random import Random
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import psycopg
from databases import PASSWORD, create_login
from ledger_calls import Worker, find_lost, sequence
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from jobledger.embedded import EmbeddedPostgres, temporary_postgres
from jobledger.embedded.postmaster import Postmaster
from ledger.errors import LedgerError
from ledger.model.ids import new_id
from ledger.postgres.database import connect, is_transient
from ledger.postgres.schema import install
from soak.oracle import Oracle

NAMES: Final = ("soak", "soak-slow")
SETTINGS: Final = {
    "fsync": "off", "max_connections": "250", "shared_buffers": "64MB", "max_notify_queue_pages": "64",
}  # fmt: skip
"""A killed process loses nothing that the kernel has: only the death of the machine would need fsync."""
KILLS: Final = ("crash", "immediate", "fast")
RESTS_EVERY_S: Final = 4.0
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_GIVEN_UP_S: Final = 1.5


class Place:
    """A database with the ledger, reached directly; ``postgres`` where the server is ours to kill."""

    def __init__(self, dsn: str, name: str, owners: int, postgres: EmbeddedPostgres | None) -> None:
        self.dsn: Final = dsn
        self.owners: Final = [f"{name}_owner_{n}" for n in range(owners)]
        self.worker: Final = f"{name}_worker"
        self.postgres: Final = postgres
        found = conninfo_to_dict(dsn)
        self.address: Final = (str(found["host"]), int(found.get("port") or 5432))

    def dsn_as(self, login: str, *, through: tuple[str, int] | None = None, options: str = "") -> str:
        """The DSN of a login, directly or through the proxy, with these ``options`` of libpq."""
        host, port = through or self.address
        return make_conninfo(
            self.dsn, user=login, password=PASSWORD, host=host, port=port, **({"options": options} if options else {})
        )

    def kill(self, how: str, down_s: float) -> None:
        """Let the server die (``crash``: SIGKILL to the postmaster; ``immediate``; ``fast``) and start it again."""
        assert self.postgres is not None
        if how == "fast":
            self.postgres.stop()
        else:
            running = Postmaster.read(self.postgres.cluster)
            assert running is not None, "the server runs between two restarts"
            os.kill(running.pid, signal.SIGKILL if how == "crash" else signal.SIGQUIT)
            with suppress(ChildProcessError):
                os.waitpid(running.pid, 0)
        time.sleep(down_s)
        self.postgres.start(SETTINGS, port=self.address[1])


@contextmanager
def place(dsn: str | None, owners: int) -> Iterator[Place]:
    """A new database on a server of our own or, with ``dsn`` (a superuser's, on loopback), on that one."""
    if dsn is None:
        with (
            temporary_postgres(SETTINGS, port=0) as postgres,
            _database(postgres.dsn(tcp=True), owners, postgres) as ours,
        ):
            yield ours
        return
    if conninfo_to_dict(dsn).get("host") not in LOOPBACK:
        raise LedgerError("a soak stays on this machine", hint="give a DSN with host=127.0.0.1")
    with _database(dsn, owners, None) as theirs:
        yield theirs


@contextmanager
def _database(server: str, owners: int, postgres: EmbeddedPostgres | None) -> Iterator[Place]:
    name = f"soak_{uuid4().hex[:12]}"
    ours = Place(make_conninfo(server, dbname=name), name, owners, postgres)
    logins = {**dict.fromkeys(ours.owners, "ledger_client"), ours.worker: "ledger_processor"}
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        with psycopg.connect(ours.dsn) as connection:
            install(connection)
        with psycopg.connect(ours.dsn, autocommit=True) as admin:
            for login, group in logins.items():
                create_login(admin, login, group)
            admin.execute("select ledger.ensure_epoch()")
        yield ours
    finally:
        if postgres is None:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
                for login in logins:
                    admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(login)))


Said: TypeAlias = tuple[DictRow, str, dict[str, Any]]
"""What a worker says of a job that it claimed: the job, and an event's type and data."""


class Rescuer(Worker):
    """Speaks in the name of a processor that is registered already, or gone."""

    def __init__(self, connection: Connection[DictRow], processor: UUID) -> None:
        self.connection = connection
        self.names = []
        self.id = processor


class Service:
    """The sequencer, the workers and the restarts, each in a thread, until ``stop``."""

    def __init__(self, ours: Place, oracle: Oracle, seed: int, *, workers: int = 2, rests_s: float = 0.0) -> None:
        self._rests_s = rests_s
        self.happened: Counter[str] = Counter()
        self._place = ours
        self._oracle = oracle
        self._seed = seed
        self._late: list[tuple[UUID, list[Said]]] = []
        self._calm = threading.Event()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(self._sequence,), name="sequencer", daemon=True)]
        for n in range(workers):
            chance = Random(f"{seed}/worker/{n}")
            work = partial(self._work, chance=chance)
            self._threads.append(threading.Thread(target=self._guard, args=(work,), name=f"worker {n}", daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def calm(self) -> None:
        """From now on every job is completed, so that all come to their end."""
        self._calm.set()

    def halt(self) -> None:
        """Let every thread end, without waiting for it."""
        self._stop.set()

    def stop(self) -> None:
        """End every thread; the server runs when this returns, unless it could not be started again."""
        self.halt()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)

    def disturb(self, progress: Callable[[], float], restarts: int, lives: int) -> threading.Thread:
        """Kill the server, and begin a new epoch, at random moments of the run; ``progress`` goes from 0 to 1."""
        chance = Random(f"{self._seed}/server")
        kinds = [kind for _ in range(restarts // len(KILLS) + 1) for kind in chance.sample(KILLS, len(KILLS))]
        deeds = [(chance.uniform(0.1, 0.9), kind) for kind in kinds[:restarts]]
        if self._place.postgres is None:
            deeds.clear()
        deeds += [(chance.uniform(0.2, 0.8), "new life") for _ in range(lives)]

        def run() -> None:
            for at, what in sorted(deeds):
                while progress() < at:
                    if self._calm.is_set() or self._stop.wait(0.05):
                        return
                try:
                    if what == "new life":
                        with connect(self._place.dsn) as connection:
                            connection.execute("select ledger.begin_epoch('a soak')")
                    else:
                        self._place.kill(what, chance.uniform(0, 1))
                    self.happened[f"server: {what}"] += 1
                except Exception as error:
                    self._oracle.error("server", error)

        thread = threading.Thread(target=run, name="disturber")
        self._threads.append(thread)
        thread.start()
        return thread

    def _guard(self, task: Callable[[Connection[DictRow]], None]) -> None:
        """Run the task with a connection, and again with another one when that breaks."""
        while not self._stop.is_set():
            try:
                with connect(self._place.dsn_as(self._place.worker)) as connection:
                    task(connection)
            except (psycopg.Error, LedgerError) as error:
                if not is_transient(error):
                    self._oracle.error("service", error)
                self.happened["service reconnected"] += 1
                self._stop.wait(0.2)
            except Exception as error:
                self._oracle.error("service", error)
                self._stop.wait(1)

    def _sequence(self, connection: Connection[DictRow]) -> None:
        """Now and then it leaves the passes, and the rescue of jobs, to the processors, where there are such."""
        rescued_at, rests_at = 0.0, time.monotonic() + RESTS_EVERY_S
        while not self._stop.is_set():
            if self._rests_s and time.monotonic() > rests_at:
                self.happened["sequencer rested"] += 1
                self._stop.wait(self._rests_s)
                rests_at = time.monotonic() + RESTS_EVERY_S
            sequence(connection, limit=500)
            if time.monotonic() - rescued_at > 0.5:
                self._rescue(connection)
                rescued_at = time.monotonic()
            self._stop.wait(0.03)

    def _rescue(self, connection: Connection[DictRow]) -> None:
        with connection.transaction():
            orphans = find_lost(connection)
            for processor, left in groupby(orphans, key=itemgetter("processor")):
                jobs = [orphan for orphan in left if orphan["job_id"]]
                lost = {"processor": str(processor), "noticed_by": "lock", "retry_at": _soon(0)}
                if jobs:
                    Rescuer(connection, processor).record(*((job, "attempt.lost", lost) for job in jobs))
                connection.execute("select ledger.forget_claims(%(id)s)", {"id": processor})
                self.happened["jobs rescued"] += len(jobs)

    def _work(self, connection: Connection[DictRow], chance: Random) -> None:
        while self._late:
            processor, late = self._late.pop()
            self._stop.wait(_GIVEN_UP_S)  # by then it was given up, and its jobs run elsewhere
            self.happened["outcomes that came too late"] += len(Rescuer(connection, processor).record(*late))
        worker = Worker(connection, NAMES)
        while not self._stop.is_set():
            connection.execute("select ledger.beat(%(id)s)", {"id": worker.id})
            jobs = worker.claim(chance.randint(1, 60))
            if not jobs:
                self._stop.wait(0.05)
                continue
            asked = {
                row["id"]
                for row in connection.execute(
                    "select c.id from ledger.find_cancelled(%(id)s, %(jobs)s) c (id)",
                    {"id": worker.id, "jobs": [job["job_id"] for job in jobs]},
                )
            }
            said = [event for job in jobs for event in self._run(job, chance, asked=job["job_id"] in asked)]
            if not self._calm.is_set() and chance.random() < 0.03:
                self.happened["worker died"] += 1
                if chance.random() < 0.5:
                    self._late.append((worker.id, said))
                return  # what it claimed is for others to find
            self._record(worker, said)
            claims = "select ledger.forget_claims(%(id)s)"  # all of its jobs have ended
            connection.execute(claims, {"id": worker.id})

    def _record(self, worker: Worker, said: list[Said]) -> None:
        ids = [new_id() for _ in said]
        try:
            worker.record(*said, ids=ids)
        except psycopg.OperationalError:
            # nobody knows whether it was committed: say it again, with the same ids, and perhaps too late
            with (
                suppress(psycopg.OperationalError, LedgerError),
                connect(self._place.dsn_as(self._place.worker)) as again,
            ):
                Rescuer(again, worker.id).record(*said, ids=ids)
                self.happened["outcomes said twice"] += 1
            raise

    def _run(self, job: DictRow, chance: Random, *, asked: bool) -> list[Said]:
        if asked:
            return [(job, "job.cancelled", {})]
        draw = 0.0 if self._calm.is_set() else chance.random()
        if draw < 0.75:
            progress = [(job, "attempt.progressed", {"n": 1, "percent": 50.0})] if chance.random() < 0.2 else []
            return [*progress, (job, "job.completed", {"result": {"n": chance.randrange(1000)}})]
        error = {"type": "Soaked", "message": "as the seed wants it"}
        if draw < 0.80:
            return [(job, "attempt.deferred", {"until": _soon(chance.uniform(0, 0.5))})]
        last = job["max_attempts"] is not None and job["failures"] + 1 >= job["max_attempts"]
        if draw < 0.92 and not last:
            return [(job, "attempt.failed", {"error": error, "retry_at": _soon(chance.uniform(0, 0.5))})]
        failed = (job, "attempt.failed", {"error": error, "retry_at": None})
        return [failed, (job, "job.failed", {"attempts": job["attempt"], "error": error})]


def _soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
