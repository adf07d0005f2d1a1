"""The files of a soak: real SQLite files, each in a thread of its own that does what its own chance says."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from client_sync import JobClient
from client_sync.file.lock import SyncBusy
from ledger.errors import Conflict, ServerUnreachable
from ledger.model.ids import new_id
from soak import hostile
from soak.files import copy_file, find_event, own_events
from soak.handlers import DEEDS
from soak.killed_client import KilledClient
from soak.oracle import Oracle

STEPS: Final[dict[str, int]] = {
    "submit": 34, "sync": 26, "cancel": 12, "submit_many": 7, "poison": 6, "backup": 5, "background": 3, "again": 3,
    "restore": 2, "clone": 1, "crash": 3,
}  # fmt: skip
HOSTILE: Final = 4
MISBEHAVED: Final = 14
"""As often are hostile bytes, and a job for a handler that may misbehave, among the steps of a run that has them."""
PAUSE_S: Final = 0.25
"""Between two steps, on the average."""
COPIES_KEPT: Final = 2
KILLED_AT_ONCE: Final = 2
DRAIN_WITHIN_S: Final = 90.0
"""How long after healing a file may take to send what it has."""
_room_for_one = threading.BoundedSemaphore(KILLED_AT_ONCE)
_REFUSED: Final = (
    '{"name": "soak", "limits": {"expires_at": "2020-01-01T00:00:00Z"}}',
    '{"name": "soak", "retry_of": "no uuid"}',
    '{"name": "soak", "limits": {"max_attempts": 0}}',
    '{"name": "soak", "params": {"text": "\\ud800"}}',
)
"""Requests that the file's own triggers let pass and the server does not."""


class Fleet:
    """All files, those cloned on the way included. ``stop`` ends the steps, ``healed`` lets the files drain."""

    def __init__(
        self, folder: Path, oracle: Oracle, seed: int, *, steps: int | None, most: int, more: dict[str, int]
    ) -> None:
        self.folder: Final = folder
        self.oracle: Final = oracle
        self.seed: Final = seed
        self.steps: Final = steps
        self.more: Final = more
        self.stop: Final = threading.Event()
        self.healed: Final = threading.Event()
        self.abandoned: Final = threading.Event()
        self.replicas: list[Replica] = []
        self.healed_at = 0.0
        self._most = most
        self._lock = threading.Lock()

    def add(self, owner: str, dsn: str, *, copy_of: Path | None = None) -> bool:
        """Start one more file, a new one or a copy; False when there are enough."""
        with self._lock:
            if len(self.replicas) >= self._most or self.stop.is_set():
                return False
            path = self.folder / f"{len(self.replicas)}.db"
            if copy_of is not None:
                copy_file(copy_of, path)
            replica = Replica(self, path, owner, dsn)
            self.replicas.append(replica)
        replica.start()
        return True

    @property
    def working(self) -> int:
        return sum(replica.working for replica in list(self.replicas))

    @property
    def done(self) -> int:
        return sum(replica.done for replica in list(self.replicas))

    def heal(self) -> None:
        self.healed_at = time.monotonic()
        self.stop.set()
        self.healed.set()

    def abandon(self) -> None:
        """End everything now."""
        self.abandoned.set()
        self.heal()
        deadline = time.monotonic() + 30
        for replica in self.replicas:
            replica.join(max(deadline - time.monotonic(), 0))


class Replica(threading.Thread):
    """One file: it steps until it is stopped, waits for the network to heal, and sends what it has."""

    def __init__(self, fleet: Fleet, path: Path, owner: str, dsn: str) -> None:
        super().__init__(name=path.stem, daemon=True)
        self.path: Final = path
        self.owner: Final = owner
        self.dsn: Final = dsn
        self.working = True
        self.done = 0
        self.drained_s: float | None = None
        self._fleet = fleet
        self._oracle = fleet.oracle
        self._chance = Random(f"{fleet.seed}/file/{path.stem}")
        self._copies: list[Path] = []
        self._copied = 0
        self._client: JobClient | None = None

    def run(self) -> None:
        try:
            self._client = JobClient(self.path, dsn=self.dsn)
            self._live()
            self.working = False
            self._fleet.healed.wait()
            self._drain()
        except Exception as error:
            self._oracle.error(f"file {self.path.stem}", error)
        finally:
            self.working = False
            if self._client is not None:
                self._client.close()
                if not self._comes_to_rest(60):
                    self._oracle.error(f"file {self.path.stem}", TimeoutError("its background sync never ended"))

    @property
    def client(self) -> JobClient:
        assert self._client is not None, "opened when the thread began"
        return self._client

    def _live(self) -> None:
        steps = STEPS | self._fleet.more
        names, weights = list(steps), list(steps.values())
        while not self._fleet.stop.wait(self._chance.expovariate(1 / PAUSE_S)):
            if self._fleet.steps is not None and self.done >= self._fleet.steps:
                return
            (name,) = self._chance.choices(names, weights)
            step: Callable[[], None] = getattr(self, f"_{name}")
            try:
                step()
                self._oracle.step(name)
            except Exception as error:
                self._oracle.error(f"file {self.path.stem}, {name}", error)
            self.done += 1

    def _drain(self) -> None:
        while not self._fleet.abandoned.is_set():
            with suppress(ServerUnreachable, SyncBusy):
                self.client.sync()
                if self.client.unsent == 0:
                    self.drained_s = time.monotonic() - self._fleet.healed_at
                    return
            if time.monotonic() - self._fleet.healed_at > DRAIN_WITHIN_S:
                return

    # Steps

    def _submit(self) -> None:
        chance, now = self._chance, datetime.now(UTC)
        job = self.client.submit(
            chance.choice(["soak", "soak", "soak-slow"]),
            self._params(),
            priority=chance.randint(-2, 2),
            max_attempts=chance.choice([None, 1, 3]),
            key=chance.choice([None, None, f"key {chance.randrange(5)}"]),
            run_at=now + timedelta(seconds=chance.uniform(-1, 2)) if chance.random() < 0.1 else None,
            expires_at=now + timedelta(seconds=chance.uniform(0.2, 3)) if chance.random() < 0.05 else None,
        )
        self._wrote(job.id, "job.requested")

    def _submit_many(self) -> None:
        requests = [{"name": "soak", "params": self._params()} for _ in range(self._chance.randint(2, 30))]
        for job_id in self.client.submit_many(requests):
            self._wrote(job_id, "job.requested")

    def _cancel(self) -> None:
        jobs = [job for job in self.client.list(limit=30) if not job.finished]
        if jobs:
            job = self._chance.choice(jobs)
            try:
                self.client.cancel(job.id, reason="as the seed wants it")
            except Conflict:
                if not self.client.get(job.id).finished:
                    raise
                self._oracle.step("cancel too late")  # a background sync has read the job's end since it was listed
            else:
                self._wrote(job.id, "job.cancel_requested")

    def _sync(self) -> None:
        try:
            self.client.sync()
        except ServerUnreachable:
            self._oracle.step("sync failed")
        except SyncBusy:
            self._oracle.step("sync busy")

    def _background(self) -> None:
        """Sync in the background for a while, as an app does, and submit meanwhile."""
        self.client.start_sync(poll=0.3)
        try:
            for _ in range(self._chance.randint(1, 4)):
                self._submit()
                self._fleet.stop.wait(self._chance.uniform(0, 0.4))
                if self._chance.random() < 0.5:
                    self._backup()  # of a file that is just being written
        finally:
            self.client.stop_sync()
            if self._syncs_on():
                self._oracle.step("background outlived its stop")

    def _poison(self) -> None:
        """With plain SQL, as another language would: what the server refuses must not hold up its neighbours."""
        foreign = self._chance.random() < 0.25
        data = "{}" if foreign else self._chance.choice(_REFUSED)
        job_id = (self._stranger() if foreign else None) or new_id()
        kind = "job.cancel_requested" if foreign else "job.requested"
        with self.client.transaction() as connection:
            connection.execute(
                "insert into events (job_id, type, data) values (:job, :type, :data)",
                {"job": str(job_id), "type": kind, "data": data},
            )
        event_id = self._wrote(job_id, kind)
        if event_id is not None and not foreign:
            self._oracle.poison.add(event_id)

    def _hostile(self) -> None:
        """Bytes that not every reader can hold: the file refuses them; where it holds them already, the server does."""
        what, job_id = self._chance.choice(list(hostile.DATA)), new_id()
        try:
            hostile.write(self.path, what, job_id, unchecked=self._chance.random() < 0.5)
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # not because of what it was to write
            self._oracle.step("hostile: refused by the file")
        else:
            event_id = self._wrote(job_id, "job.requested")
            if event_id is not None:
                self._oracle.poison.add(event_id)

    def _misbehave(self) -> None:
        """A job whose handler will not do as it should."""
        (does,) = self._chance.choices(list(DEEDS), list(DEEDS.values()))
        job = self.client.submit(
            self._chance.choice(["soak-plain", "soak-async"]),
            {
                "does": does,
                "seconds": round(self._chance.uniform(0.1, 4.0), 2),
                "once": self._chance.random() < 0.8,
                "n": self._chance.randrange(1000),
            },
        )
        self._oracle.step(f"asked for: {does}")
        self._wrote(job.id, "job.requested")

    def _again(self) -> None:
        """Ask for a job of another file of the owner under its id: one of the two requests will be refused."""
        job_id = self._oracle.some_job(self.owner, self._chance)
        if job_id is not None:
            try:
                self.client.submit("soak", {"again": self._chance.randrange(10_000)}, job_id=job_id)
            except Conflict:
                if find_event(self.path, job_id, "job.requested") is None:
                    raise  # not because the job is known here
            else:
                self._wrote(job_id, "job.requested")

    def _backup(self) -> None:
        self._copied += 1
        copy = self.path.with_suffix(f".copy{self._copied}")
        copy_file(self.path, copy)
        self._copies.append(copy)
        if len(self._copies) > COPIES_KEPT:
            self._copies.pop(0).unlink()

    def _restore(self) -> None:
        """Go back to an older copy, as a person does after a mishap. Only what was never sent may be gone."""
        # to take a file away from under a connection is not what this is about: SQLite forbids it
        if not self._copies or not self._comes_to_rest(20):
            return
        copy = self._chance.choice(self._copies)
        now, then = own_events(self.path), own_events(copy)
        for event_id in now.keys() - then.keys():
            self._oracle.overwrote(event_id, acknowledged=now[event_id])
        self.client.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        copy_file(copy, self.path)
        self._client = JobClient(self.path, dsn=self.dsn, create=False)

    def _clone(self) -> None:
        if self._fleet.add(self.owner, self.dsn, copy_of=self.path):
            self._oracle.step("cloned")

    def _crash(self) -> None:
        """Kill a process while it submits and syncs this very file."""
        with _room_for_one, KilledClient(self.path, self.dsn) as killed:
            killed.wait_until_ready()
            self._fleet.abandoned.wait(self._chance.uniform(0, 0.4))
            for job_id in killed.kill():
                self._wrote(job_id, "job.requested")

    def _params(self) -> dict[str, Any]:
        # mostly small, some large enough to be cut in their middle
        return {"text": "x" * int(self._chance.paretovariate(0.7) * 10 % 20_000)}

    def _syncs_on(self) -> bool:
        """Whether a background sync that was stopped is still at it."""
        return any(thread.name == f"sync {self.path.name}" for thread in threading.enumerate())

    def _comes_to_rest(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._syncs_on():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _stranger(self) -> UUID | None:
        others = sorted({replica.owner for replica in list(self._fleet.replicas)} - {self.owner})
        return self._oracle.some_job(self._chance.choice(others), self._chance) if others else None

    def _wrote(self, job_id: UUID, kind: str) -> str | None:
        """Note the event that a call has just written. It has to be in the file; what another file wrote is its own."""
        found = find_event(self.path, job_id, kind)
        if found is None:
            self._oracle.lost_at_once(f"{kind} of job {job_id} in file {self.path.stem}")
            return None
        event_id, own = found
        if own:
            self._oracle.wrote(event_id, self.path.stem, self.owner, job_id)
        return event_id
