"""``JobClient``: what an app holds in its hand."""

from __future__ import annotations

import builtins
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import ledger.model  # for hints: what is in there is imported when somebody asks
from client_sync.care.compaction import CompactReport, CompactResult, compact
from client_sync.file.job import Job, JobFailed, Refusal
from client_sync.file.job_rows import known_job, list_jobs, list_refusals, not_found
from client_sync.file.limits import ServerLimits, read_limits
from client_sync.file.own_events import append_cancel
from client_sync.file.replica import Replica
from client_sync.file.submission import Params, Submission
from client_sync.file.submitter import Submitter
from client_sync.file.valid_request import cancel_text
from client_sync.file.values import parse_id
from client_sync.file.watch import follow
from client_sync.sync.result import SyncReport, SyncResult
from client_sync.sync.syncing import Syncing
from ledger.errors import Conflict, LedgerError

if TYPE_CHECKING:
    import ledger.model.events

POLL_S: Final = 5.0

_LAST_ERROR: Final = "select last_error from replica"
_NOTHING_ELSE: Final = ("default", 0, *(9 * (None,)))
"""What a request has beside its name and params where nothing more is said."""


class JobClient:
    """Jobs of one app, kept in one SQLite file and synced with Postgres when there is a way to.

    ``path`` is the file; it is made where it is missing, unless ``create`` is False. With ``read_only`` it has to be
    there too, and only looking is possible: nothing is written, not even beside the file. ``dsn`` is the server (a URL
    or libpq keywords; "" takes libpq's own variables); without one, everything but ``sync`` works all the same.
    ``on_behalf_of`` is for a service that keeps files of its users: whose jobs these are, where that is not the login
    itself (see ``jobledger grant client --on-behalf-of``).

    One client may be used from many threads, and many processes may share the file. Raises NotALedger for a file of
    something else and SchemaMismatch for one of a newer jobledger.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        dsn: str | None = None,
        *,
        on_behalf_of: str | None = None,
        create: bool = True,
        read_only: bool = False,
    ) -> None:
        self._replica = Replica(path, create=create, read_only=read_only)
        self._syncing = Syncing(self._replica, dsn, on_behalf_of)
        self._submitter = Submitter(self._replica)

    def __enter__(self) -> JobClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the background sync and close the file. Nothing is lost; calling again does nothing."""
        self.stop_sync()
        self._replica.close()

    # Asking for something

    def submit(
        self,
        name: str,
        params: Params | None = None,
        *,
        namespace: str = "default",
        priority: int = 0,
        run_at: datetime | str | None = None,
        key: str | None = None,
        labels: Mapping[str, Any] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        expires_at: datetime | str | None = None,
        retry_of: UUID | str | None = None,
        parent: UUID | str | None = None,
        job_id: UUID | str | None = None,
    ) -> Job:
        """Request a job. When this returns, the request is on disk, and it will reach the server (see ``Submission``).

        With a ``key``, an unfinished job of the same namespace, name and key is returned instead, and nothing is
        appended. Known are the jobs of this file, and those of the owner's other files that it has pulled.

        The same request with the same ``job_id`` is made once, however often it is asked for. Raises InvalidEvent for
        what the server would refuse, and Conflict for a ``job_id`` that was used for something else.
        """
        request: Submission | dict[str, Any] = {"name": name, "params": params or {}}
        rest = (
            namespace, priority, run_at, key, labels or None, max_attempts, timeout, expires_at, retry_of, parent,
            job_id,
        )  # fmt: skip
        if rest != _NOTHING_ELSE:
            request = Submission(
                name=name, params=params or {}, namespace=namespace, priority=priority, run_at=run_at, key=key,
                labels=labels or {}, max_attempts=max_attempts, timeout=timeout, expires_at=expires_at,
                retry_of=retry_of, parent=parent, job_id=job_id,
            )  # fmt: skip
        return self._submitter.submit(request, may_be_known=key is not None or job_id is not None)

    def submit_many(self, requests: Iterable[Submission | Mapping[str, Any]]) -> builtins.list[UUID]:
        """Request many jobs, from any iterable; gives their ids in its order.

        They are written in batches of 500, each saved whole or not at all; only one batch is in memory, however many
        there are. When one is wrong, InvalidEvent is raised and the batches before its own are saved. Inside
        ``transaction()`` all of them are one.
        """
        return self._submitter.submit_many(requests)

    def cancel(self, job_id: UUID | str, reason: str | None = None) -> Job:
        """Ask for a job to be cancelled. A job that waits will not start; one that runs is told to stop.

        Raises JobNotFound for a job that this file does not know, and Conflict for one that has ended. Asking again
        appends nothing.
        """
        job_id = parse_id(job_id)
        text = cancel_text(reason, self.limits)
        with self._replica.translating(), self._replica.transaction() as connection:
            job = known_job(connection, job_id)
            if job.finished:
                raise Conflict(f"job {job_id} has ended: {job.shown}", hint="there is nothing left to cancel")
            if job.cancel_requested_at is None:
                append_cancel(connection, job_id, text, datetime.now(UTC))
                job = known_job(connection, job_id)
        return job

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction that the app shares: its own tables and its requests are saved together, or not at all.

        Gives the connection. ``submit``, ``submit_many`` and ``cancel`` in the block, in the same thread, join in.
        """
        return self._replica.transaction()

    # Looking

    def get(self, job_id: UUID | str) -> Job:
        """The job as this file knows it. Raises JobNotFound."""
        job_id = parse_id(job_id)
        return self._replica.read(lambda connection: known_job(connection, job_id))

    def list(
        self,
        *,
        status: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        before: UUID | str | None = None,
        limit: int = 100,
    ) -> builtins.list[Job]:
        """The latest jobs first. ``before`` is the id of the last job of the page before."""
        last = None if before is None else parse_id(before)
        return self._replica.read(
            lambda connection: list_jobs(
                connection, status=status, name=name, namespace=namespace, before=last, limit=limit
            )
        )

    def history(self, job_id: UUID | str) -> Sequence[ledger.model.events.Event]:
        """Every event of the job in this file: first those in the ledger, in its order, then those on their way.

        Raises JobNotFound where there is none.
        """
        from client_sync.file.history import read_history

        job_id = parse_id(job_id)
        events = self._replica.read(lambda connection: tuple(read_history(connection, str(job_id))))
        if not events:
            raise not_found(job_id)
        return events

    def refusals(self, *, limit: int = 100) -> Sequence[Refusal]:
        """What the server did not take, and why; the latest first."""
        return self._replica.read(lambda connection: list_refusals(connection, limit))

    def watch(self, job_id: UUID | str, *, timeout: float | None = None) -> Iterator[Job]:
        """The job now, and again whenever something about it changed, until it has ended.

        Sees what this process changes at once, and what others change within 50 ms. It only looks: something has to
        sync, here (``start_sync``) or in another process. Raises JobNotFound at once, and WaitTimeout after
        ``timeout`` seconds.
        """
        job_id = parse_id(job_id)
        self.get(job_id)
        return follow(self._replica, job_id, timeout)

    def wait(self, job_id: UUID | str, *, timeout: float | None = None) -> Job:
        """Wait until the job has ended, and give it if it was completed.

        Raises JobFailed, whose ``job`` says why, when it failed, was cancelled or was refused; WaitTimeout after
        ``timeout`` seconds; JobNotFound at once. Something has to sync, as for ``watch``.
        """
        job = self.get(job_id)
        for state in follow(self._replica, job.id, timeout):
            job = state
        if job.status != "completed":
            raise JobFailed(job)
        return job

    # Syncing

    def sync(self, *, again: bool = False, report: SyncReport | None = None) -> SyncResult:
        """Exchange everything with the server, now. ``report`` hears after each step what was done so far.

        With ``again``, the server's log is read from its start, and every job of this owner that is not in the file
        comes back (see ``compact``). While that is going on, such a job passes through its earlier states once more.

        Raises ServerUnreachable when the server cannot be reached, after a few tries; SyncRefused when it turns this
        file away; ProtocolMismatch when it is too old or too new for this jobledger; SyncBusy when someone else is
        syncing the file. Nothing is lost by any of these.
        """
        return self._syncing.run(again=again, report=report)

    def start_sync(self, *, poll: float = POLL_S, report: SyncReport | None = None) -> None:
        """Sync in the background until ``close``: at once when something is submitted here or happens there.

        Every ``poll`` seconds it looks anyway, so that a lost notification delays nothing for longer.
        Connection trouble is waited out, for as long as it takes; ``sync_error`` tells. ``report`` hears, in the
        background thread, of every exchange that did something.
        """
        self._syncing.start(poll_s=poll, report=report)

    def stop_sync(self) -> None:
        """Stop the background sync, if it runs."""
        self._syncing.stop()

    @property
    def sync_error(self) -> LedgerError | None:
        """Why the background sync is not getting through at the moment; None while all is well."""
        return self._syncing.error

    @property
    def last_error(self) -> str | None:
        """Why the last sync of this file, by whichever process, did not succeed; None after one that did."""
        ((error,),) = self._replica.read(lambda connection: connection.execute(_LAST_ERROR).fetchall())
        return None if error is None else str(error)

    @property
    def sync_pooled(self) -> bool:
        """Whether the background sync finds news only by asking: nothing is announced through a connection pooler."""
        return self._syncing.pooled

    @property
    def unsent(self) -> int:
        """How many events of this file the server has not acknowledged yet."""
        from client_sync.sync.outbox import count_unsent

        return self._replica.read(count_unsent)

    @property
    def unconfirmed(self) -> int:
        """How many events of this file the server has not put in order, as far as the file knows. Reads them all."""
        from client_sync.sync.outbox import count_unconfirmed

        return self._replica.read(count_unconfirmed)

    def compact(
        self, older_than: timedelta, *, vacuum: bool = False, report: CompactReport | None = None
    ) -> CompactResult:
        """Let jobs leave the file that ended more than ``older_than`` ago; ``sync(again=True)`` brings them back.

        Only what the server is known to hold leaves: never an event that it has not acknowledged, and no job that it
        refused. Needs no server. Others may use the file meanwhile. The freed space is used for what comes next; with
        ``vacuum`` the file shrinks, and writers wait while it is written anew. ``report`` hears how many jobs have
        left, of how many.

        A server that is restored from a backup asks the files for what the backup lacks. So choose an age greater
        than that of the oldest backup you would restore: a job that is missing in both is lost.
        """
        return compact(self._replica, older_than, datetime.now(UTC), vacuum=vacuum, report=report)

    @property
    def limits(self) -> ServerLimits:
        """What the server lets an event hold, as of the last sync. ``submit`` checks against it."""
        return self._replica.read(read_limits)
