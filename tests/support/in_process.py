"""A processor inside the test's own process, and a view of what it does."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, Protocol
from uuid import UUID

from databases import Database
from ledger_calls import assert_projection_is_fold, job_row
from psycopg.rows import DictRow
from waiting import until

from ledger.model.fold import JobState
from ledger.postgres.feed import fold_history, read_history
from processor import Registry, RetryPolicy
from processor.service import serve
from processor.settings import Settings

ENDED = ("completed", "failed", "cancelled")
QUICK = RetryPolicy(first_wait_s=0.05, factor=2, jitter=0)
"""Retries that a test can wait for."""


class RunningService:
    """``serve`` in an event loop and a thread of its own, from its registration until ``stop``."""

    def __init__(self, dsn: str, registry: Registry, settings: Settings) -> None:
        self._dsn = dsn
        self._registry = registry
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self, *, within_s: float = 20.0) -> None:
        """Ask it to stop and wait until it has; raises what ended it."""
        if self._thread.is_alive():
            assert self._loop is not None
            assert self._stop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(within_s)
            assert not self._thread.is_alive(), "the service does not stop"
        error, self._error = self._error, None
        if error is not None:
            raise error

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        await serve(self._registry, self._dsn, self._settings, stop=self._stop)


class Ledger:
    """The test's view of the database: it requests jobs as a client, and looks at what became of them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner = database.connect()
        self.client = database.connect("app_alice")

    def submit(self, name: str, params: dict[str, Any] | None = None, **request: Any) -> UUID:
        """Request a job; ``request`` takes limits, run_at, priority, namespace and job_id."""
        request = {key: json.dumps(value) if key == "limits" else value for key, value in request.items()}
        names = {"name": name, "params": json.dumps(params or {}), **request}
        arguments = ", ".join(f"{key} => %({key})s" for key in names)
        row = self.client.execute(f"select ledger.submit({arguments}) as id".encode(), names).fetchone()
        assert row is not None
        return UUID(str(row["id"]))

    def row(self, job_id: UUID) -> DictRow | None:
        return self.owner.execute("select * from ledger.jobs where job_id = %(id)s", {"id": job_id}).fetchone()

    def events(self, job_id: UUID) -> list[DictRow]:
        """The job's events in order, with ``data`` read."""
        return [{**row, "data": json.loads(row["data"])} for row in read_history(self.owner, job_id)]

    def types(self, job_id: UUID) -> list[str]:
        return [event["type"] for event in self.events(job_id)]

    def state(self, job_id: UUID) -> JobState:
        return fold_history(job_id, read_history(self.owner, job_id))

    def wait_for(self, job_id: UUID, *statuses: str, seconds: float = 30.0) -> JobState:
        """Wait until the job has one of these statuses (any end, if none is named), and give its state."""
        wanted = statuses or ENDED
        until(
            lambda: (row := self.row(job_id)) is not None and row["status"] in wanted,
            f"job {job_id} to be {' or '.join(wanted)}",
            seconds=seconds,
        )
        return self.state(job_id)

    def count(self, query: str, **parameters: Any) -> int:
        row = self.owner.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return int(next(iter(row.values())))

    def processor_of(self, job_id: UUID) -> UUID:
        """Who runs the job now."""
        processor = job_row(self.owner, job_id)["processor"]
        assert isinstance(processor, UUID)
        return processor

    def verify(self) -> None:
        """How every test with a service ends: the state is the fold, and nothing is left over."""
        assert_projection_is_fold(self.owner)


class Start(Protocol):
    """The fixture that starts a service with a registry; the rest are settings."""

    def __call__(self, registry: Registry, **settings: Any) -> RunningService: ...
