"""A server that a test moves step by step: nothing is put in order or run before the test says so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from databases import Database
from ledger_calls import Worker, assert_projection_is_fold, lose_notifications, sequence
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier, Literal


class Server:
    """A database with the ledger, and a hand on what the processor would do by itself."""

    def __init__(self, database: Database) -> None:
        self._admin = database.connect()
        self._admin.execute("select ledger.ensure_epoch()")
        self._claimed: dict[UUID, tuple[Worker, DictRow]] = {}
        self.dsn = database.dsn_as("app_alice")
        self.other_dsn = database.dsn_as("app_bob")

    def sequence(self) -> None:
        """Put everything in order, also what doing so has written."""
        while sequence(self._admin):
            pass

    def begin_life(self) -> None:
        self._admin.execute("select ledger.begin_epoch('as the test wants it')")

    def start(self, name: str) -> list[UUID]:
        """Start an attempt of every waiting job of this name."""
        worker = Worker(self._admin, [name])
        for job in (jobs := worker.claim()):
            self._claimed[job["job_id"]] = (worker, job)
        return [job["job_id"] for job in jobs]

    def record(self, job_id: UUID, kind: str, **data: Any) -> None:
        """Append what happened in the attempt of a started job."""
        worker, job = self._claimed[job_id]
        worker.record((job, kind, data))

    def complete(self, name: str, result: Any) -> None:
        """Run every waiting job of this name to its end, and put it all in order."""
        self.sequence()
        for job_id in self.start(name):
            self.record(job_id, "job.completed", result=result)
        self.sequence()

    def execute(self, query: str, **parameters: Any) -> None:
        self._admin.execute(query.encode(), parameters)

    def rows(self, query: str, **parameters: Any) -> list[DictRow]:
        return self._admin.execute(query.encode(), parameters).fetchall()

    def value(self, query: str, **parameters: Any) -> Any:
        """The one value of a query's one row."""
        (row,) = self._admin.execute(query.encode(), parameters).fetchall()
        (value,) = row.values()
        return value

    def count(self, kind: str) -> int:
        """How many events of this type the ledger holds."""
        return int(self.value("select count(*) from ledger.events where type = %(type)s", type=kind))

    def jobs(self) -> dict[UUID, tuple[str, int]]:
        """The server's own idea of every job: its status, and the number of its last attempt."""
        rows = self._admin.execute("select job_id, status, attempt from ledger.jobs").fetchall()
        return {row["job_id"]: (row["status"], row["attempt"]) for row in rows}

    def cut_clients(self) -> None:
        """End every session of a client, as a broken network would."""
        self._admin.execute(
            """
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and usename like 'app_%%'""",
            {},
        )

    def limit_connections(self, limit: int) -> None:
        """How many sessions of clients this database takes from now on; -1: any number."""
        name = self.value("select current_database()")
        self._admin.execute(SQL("alter database {} connection limit {}").format(Identifier(name), Literal(limit)))

    def lose_notifications(self) -> None:
        lose_notifications(self._admin)

    def check(self) -> None:
        """What the server keeps is what its events add up to."""
        assert_projection_is_fold(self._admin)
