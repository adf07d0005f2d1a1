"""Reading jobs and refusals from the file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from client_sync.file.job import Job, Progress, Refusal
from ledger.errors import JobNotFound

if TYPE_CHECKING:
    from ledger.model.data import JobError

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


def known_job(connection: sqlite3.Connection, job_id: UUID) -> Job:
    """The job with this id. Raises JobNotFound where the file does not know it."""
    row = connection.execute(_ONE, {"job_id": str(job_id)}).fetchone()
    if row is None:
        raise not_found(job_id)
    return _job(row)


def not_found(job_id: UUID) -> JobNotFound:
    """The error for a job that the file does not know."""
    return JobNotFound(
        f"no job {job_id} in this file",
        hint="it was compacted or never here: jobledger sync --again brings back what the server has",
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
