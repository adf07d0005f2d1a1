"""A job as this file knows it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from uuid import UUID

import ledger.errors
from client_sync.file.submission import Judged, parse_time

if TYPE_CHECKING:
    from ledger.model.data import JobError

Status: TypeAlias = Literal["pending", "running", "completed", "failed", "cancelled", "refused"]
Standing: TypeAlias = Literal["saved", "accepted", "synced", "refused"]
Shown: TypeAlias = Literal[
    "saved", "accepted", "refused", "scheduled", "pending", "running", "retrying", "cancelling",
    "completed", "failed", "cancelled",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """The last report of the current attempt. ``percent`` is from 0 to 100 where the handler gave one."""

    percent: float | None = None
    message: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An own event that the server did not take: a request, or a cancel.

    ``code`` is one of ``ledger.model.protocol.RefusalCode``; ``detail`` says what is wrong.
    """

    event_id: UUID
    job_id: UUID
    type: str
    code: str
    detail: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """One job, at one moment.

    ``status`` is what the events in this file add up to. ``standing`` is how far the server knows of the request:
    ``saved`` (here only), ``accepted`` (it has it), ``synced`` (it is in the ledger) or ``refused``. ``shown`` joins
    the two into the one word to show a person. Times are aware; ``finished_at`` is set once the server has ended the
    job, and until then its status may still change.
    """

    id: UUID
    name: str | None
    namespace: str
    status: Status
    standing: Standing
    shown: Shown
    priority: int = 0
    attempt: int = 0
    owner: str | None = None
    key: str | None = None
    requested_at: datetime | None = None
    run_at: datetime | None = None
    expires_at: datetime | None = None
    started_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    finished_at: datetime | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    progress: Progress | None = None
    result: Any = None
    error: JobError | None = None
    refusal: Refusal | None = None
    unreadable: tuple[str, ...] = ()
    """What is stored of it, past all checks, and cannot be read: it is shown as absent, and an id as all zeros."""

    @property
    def finished(self) -> bool:
        """Whether nothing about this job will change any more, as far as the server has said."""
        return self.finished_at is not None or self.status == "refused"


class JobFailed(ledger.errors.JobFailed):
    """A job that was waited for failed, was cancelled, or was refused. ``job`` says everything about it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"job {job.id} ({job.name}) {_ending(job)}")


_COLUMNS: Final = (
    "job_id, name, namespace, status, standing, shown, priority, attempt, owner, key, requested_at, run_at, expires_at,"
    " started_at, cancel_requested_at, finished_at, labels, progress, result, error, request_id, refusal_code,"
    " refusal_detail, refused_at"
)
_ONE: Final = f"select {_COLUMNS} from shown_jobs where job_id = :job_id"  # noqa: S608 - the constant above
_LIST: Final = (
    f"select {_COLUMNS} from shown_jobs"  # noqa: S608 - the constant above
    " where (:status is null or status = :status) and (:name is null or name = :name)"
    " and (:namespace is null or namespace = :namespace) and job_id < :before"
    " order by job_id desc limit :limit"
)
_AFTER_EVERY_ID: Final = "g"
_BY_STATUS: Final = _LIST.replace(":status is null or ", "")


def read_job(connection: sqlite3.Connection, job_id: UUID) -> Job | None:
    """The job with this id, or None where the file does not know it."""
    row = connection.execute(_ONE, {"job_id": str(job_id)}).fetchone()
    return None if row is None else _job(row)


def saved_job(job_id: UUID, judged: Judged, owner: str | None, at: datetime) -> Job:
    """A new job as its request makes it, without reading it back. ``at`` is when it was appended."""
    name, text, request = judged
    if request is None:
        return Job(job_id, name, "default", "pending", "saved", "saved", owner=owner, requested_at=at)
    return Job(
        id=job_id,
        name=name,
        namespace=request.namespace,
        status="pending",
        standing="saved",
        shown="saved",
        priority=request.priority,
        owner=owner,
        key=request.key,
        requested_at=at,
        run_at=None if request.run_at is None else parse_time("run_at", request.run_at),
        expires_at=None if request.expires_at is None else parse_time("expires_at", request.expires_at),
        labels=json.loads(text).get("labels", {}) if request.labels else {},
    )


def list_jobs(
    connection: sqlite3.Connection,
    *,
    status: str | None,
    name: str | None,
    namespace: str | None,
    before: UUID | None,
    limit: int,
) -> list[Job]:
    """The latest jobs first, by the time their ids were made. ``before`` continues after a page's last job."""
    # written apart, so that SQLite takes the index that fits
    query = _LIST if status is None else _BY_STATUS
    rows = connection.execute(
        query,
        {
            "status": status,
            "name": name,
            "namespace": namespace,
            "before": _AFTER_EVERY_ID if before is None else str(before),
            "limit": limit,
        },
    )
    return [_job(row) for row in rows]


def find_by_key(connection: sqlite3.Connection, namespace: str, name: str, key: str) -> UUID | None:
    """The latest unfinished job with this key."""
    row = connection.execute(
        """
        select job_id from jobs
        where namespace = :namespace and name = :name and key = :key and status in ('pending', 'running')
        order by job_id desc limit 1""",
        {"namespace": namespace, "name": name, "key": key},
    ).fetchone()
    return None if row is None else UUID(row[0])


def find_request(connection: sqlite3.Connection, job_id: UUID) -> str | None:
    """The exact text of the request for a job."""
    row = connection.execute(
        "select data from events where job_id = :job_id and type = 'job.requested' limit 1", {"job_id": str(job_id)}
    ).fetchone()
    return None if row is None else str(row[0])


def list_refusals(connection: sqlite3.Connection, limit: int) -> list[Refusal]:
    """What the server did not take, the latest first."""
    rows = connection.execute(
        """
        select event_id, job_id, type, code, detail, refused_at from refusals
        order by local_seq desc limit :limit""",
        {"limit": limit},
    )
    return [_refusal(*row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    try:
        return _readable_job(row)
    except _UNREADABLE:
        pass
    values, bad = list(row), []
    for n, name in enumerate(_COLUMNS.split(", ")):
        read, otherwise = _READERS.get(name, (str, None))
        try:
            if values[n] is not None:
                read(values[n])
        except _UNREADABLE:
            values[n] = otherwise
            bad.append(name)
    return replace(_readable_job(tuple(values)), unreadable=tuple(bad))


def _readable_job(row: tuple[Any, ...]) -> Job:
    (
        job_id, name, namespace, status, standing, shown, priority, attempt, owner, key, requested_at, run_at,
        expires_at, started_at, cancel_requested_at, finished_at, labels, progress, result, error,
        request_id, refusal_code, refusal_detail, refused_at,
    ) = row  # fmt: skip
    return Job(
        id=UUID(job_id),
        name=name,
        namespace=namespace,
        status=status,
        standing=standing,
        shown=shown,
        priority=priority,
        attempt=attempt,
        owner=owner,
        key=key,
        requested_at=_time(requested_at),
        run_at=_time(run_at),
        expires_at=_time(expires_at),
        started_at=_time(started_at),
        cancel_requested_at=_time(cancel_requested_at),
        finished_at=_time(finished_at),
        labels=json.loads(labels),
        progress=None if progress is None else Progress(**json.loads(progress)),
        result=None if result is None else json.loads(result),
        error=None if error is None else _error(error),
        refusal=None
        if refusal_code is None
        else _refusal(request_id, job_id, "job.requested", refusal_code, refusal_detail, refused_at),
    )


def _refusal(event_id: str, job_id: str, kind: str, code: str, detail: str, refused_at: str) -> Refusal:
    return Refusal(_any_id(event_id), _any_id(job_id), kind, code, detail, datetime.fromisoformat(refused_at))


def _any_id(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        return UUID(_NO_ID)


def _error(text: str) -> JobError:
    from ledger.model.data import JobError

    return JobError.model_validate_json(text)


_UNREADABLE: Final = (ValueError, TypeError, AttributeError, RecursionError)
_NO_ID: Final = str(UUID(int=0))
_READERS: Final[dict[str, tuple[Callable[[str], object], str | None]]] = {
    "job_id": (UUID, _NO_ID),
    "labels": (lambda text: json.loads(text).items(), "{}"),
    "progress": (lambda text: Progress(**json.loads(text)), None),
    "result": (json.loads, None),
    "error": (_error, None),
    "refused_at": (datetime.fromisoformat, "1970-01-01T00:00:00Z"),
    **dict.fromkeys(
        ("requested_at", "run_at", "expires_at", "started_at", "cancel_requested_at", "finished_at"),
        (datetime.fromisoformat, None),
    ),
}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _ending(job: Job) -> str:
    if job.refusal is not None:
        return f"was refused: {job.refusal.detail}"
    if job.error is not None:
        return f"{job.status}: {job.error.type}: {job.error.message}"
    return "was cancelled" if job.status == "cancelled" else job.status
