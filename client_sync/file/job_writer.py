"""Writing the row of a job from its folded state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from client_sync.file.recent import is_small
from client_sync.file.values import format_time
from ledger.model.fold import JobState, Request, dump_state

Folded: TypeAlias = tuple[str, JobState, Request | None]
"""A job's id and state, and the request that its row shows already; None: its row has to be written anew."""

COUNTING: Final = """
    and (e.local_seq is not null or e.life >= p.settled_life)
    and not exists (select 1 from refusals f where f.event_id = e.id)"""
"""Which of the events e count, in the replica p. The others stay in the file as evidence: own events that the server
refused, and those that it gave in an earlier epoch and no longer had in the next one."""
_COUNTED_REQUEST: Final = f"""
    select 1 from events e cross join replica p
    where e.job_id = :job_id and e.type = 'job.requested' {COUNTING}"""  # noqa: S608 - the constant above
_REFUSED_REQUEST: Final = "select 1 from refusals where job_id = :job_id and type = 'job.requested'"
# These three take their values by position, as _rows gives them: finding names costs as much as writing the row.
_WRITE: Final = """
    insert into jobs (status, attempt, run_at, started_at, cancel_requested_at, finished_at, progress, result, error,
                      fold, job_id, request_id, name, namespace, priority, owner, key, requested_at, expires_at, labels)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (job_id) do update
    set request_id = excluded.request_id, name = excluded.name, namespace = excluded.namespace,
        status = excluded.status, priority = excluded.priority, attempt = excluded.attempt, owner = excluded.owner,
        key = excluded.key, requested_at = excluded.requested_at, run_at = excluded.run_at,
        expires_at = excluded.expires_at, started_at = excluded.started_at,
        cancel_requested_at = excluded.cancel_requested_at, finished_at = excluded.finished_at,
        labels = excluded.labels, progress = excluded.progress, result = excluded.result, error = excluded.error,
        fold = excluded.fold"""
# for a job whose request is in its row already
_UPDATE_STATUS: Final = """
    update jobs
    set status = ?, attempt = ?, run_at = ?, started_at = ?, cancel_requested_at = ?, finished_at = ?, progress = ?,
        result = ?, error = ?, fold = ?
    where job_id = ?"""
# for a job whose request cannot be read here
_WRITE_STATUS: Final = """
    insert into jobs (status, attempt, run_at, started_at, cancel_requested_at, finished_at, progress, result, error,
                      fold, job_id)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (job_id) do update
    set status = excluded.status, attempt = excluded.attempt, run_at = excluded.run_at,
        started_at = excluded.started_at, cancel_requested_at = excluded.cancel_requested_at,
        finished_at = excluded.finished_at, progress = excluded.progress, result = excluded.result,
        error = excluded.error, fold = excluded.fold"""


def write_jobs(connection: sqlite3.Connection, jobs: Iterable[Folded]) -> None:
    """Write the row of each job."""
    # one job at a time is in memory, as what its handlers reported may be large
    connection.executemany(_WRITE, _rows(connection, jobs))


def _rows(connection: sqlite3.Connection, jobs: Iterable[Folded]) -> Iterator[tuple[Any, ...]]:
    for job_id, state, shown in jobs:
        request, ending, cancel = state.request, state.ending, state.cancel
        status, run_at, started_at, finished_at, progress, result, error, _, _ = state.read()
        if status is None or not (request or connection.execute(_COUNTED_REQUEST, {"job_id": job_id}).fetchone()):
            _write_without_status(connection, job_id)
            continue
        if status == "cancelled" and not ending:
            # an own cancel ends a pending job as far as this file can tell, but a processor may be starting it
            finished_at = None  # the job ends when the server says so
        values = (
            status,
            state.attempt,
            run_at and _text(run_at),
            started_at and _text(started_at),
            cancel and _text(cancel.at),
            finished_at and _text(finished_at),
            progress and _json({"percent": progress.percent, "message": progress.message, "data": progress.data}),
            None if result is None else _json(result),
            error and error.model_dump_json(),
            None if ending or is_small(state) else dump_state(state),  # a finished job has few further events
            job_id,
        )
        if request is None:
            connection.execute(_WRITE_STATUS, values)
        elif request is shown:
            connection.execute(_UPDATE_STATUS, values)
        else:
            yield (
                *values,
                str(request.event_id),
                request.name,
                request.namespace,
                request.priority,
                request.owner,
                request.key,
                _text(request.at),
                request.limits.expires_at and _text(request.limits.expires_at),
                _json(request.labels) if request.labels else "{}",
            )


def _write_without_status(connection: sqlite3.Connection, job_id: str) -> None:
    """Write the row of a job without a status: no event that counts gives one, or its request is not in the file."""
    key = {"job_id": job_id}
    if connection.execute(_COUNTED_REQUEST, key).fetchone():
        return  # it cannot be read here: the row stays as the triggers made it
    if connection.execute(_REFUSED_REQUEST, key).fetchone():
        connection.execute("update jobs set status = 'refused', run_at = null, fold = null where job_id = :job_id", key)
    else:
        connection.execute("delete from jobs where job_id = :job_id", key)


@lru_cache(256)  # many jobs of a page were started, or ended, by one transaction of a processor
def _text(value: datetime) -> str:
    try:
        return format_time(value)
    except OverflowError:
        # its offset takes it out of the years 1 to 9999
        return "9999-12-31T23:59:59.999999Z" if value.year > 1 else "0001-01-01T00:00:00.000000Z"


def _json(value: Any) -> str:
    # a number too large for a float is infinite, which JSON cannot say
    return to_json(value, inf_nan_mode="null").decode()
