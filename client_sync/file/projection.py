"""Keeping ``jobs`` what its events add up to, by the one fold that the server's side uses too.

The folded state of a job that goes on after many events is kept beside its row, so that new events are folded on top of
it. Where there is none, or it is not enough (an own event was confirmed and now has the server's time, one was refused,
a life of the server ended), the job is folded anew from all of its events that count. These do not:

- own events that the server refused;
- events that the server gave us in an earlier life and did not give again in this one: they stay in the file as
  evidence, but the ledger no longer holds them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic_core import to_json

from client_sync.file.recent import Recent, is_small
from client_sync.file.submission import format_time
from ledger.model.events import Event, parse_event
from ledger.model.facts import read_fact, read_id
from ledger.model.fold import JobState, Request, dump_state, fold, load_state
from ledger.ports.server import EventRow

StoredFact: TypeAlias = tuple[str, str, int, str, str, str, str, str | None]
"""What the fold reads of an event: id, type, v, owner, actor, time, data, correlation_id."""

_SHOWN: Final = """
    select request_id, name, namespace, status, priority, attempt, key, requested_at, run_at, expires_at, started_at,
           cancel_requested_at, finished_at, labels, progress, result, error"""
_KEPT: Final = _SHOWN + " from main.jobs where job_id = :job_id"
_FOLDED: Final = _SHOWN + " from temp.jobs where job_id = :job_id"
_TIMES: Final = slice(7, 13)
_JSON: Final = slice(13, None)
# Until the server has said whose an own event is, it is the file's owner's: a cancel counts by its owner.
_EVENTS: Final = """
    select e.id, e.job_id, e.type, e.v, coalesce(e.owner, p.owner, 'local'), coalesce(e.actor, p.owner, 'local'), e.seq,
           e.occurred_at, e.recorded_at, e.replica_id, e.replica_seq, e.correlation_id, e.causation_id, e.data
    from events e cross join replica p
    where e.job_id = :job_id"""
_ALL_EVENTS: Final = _EVENTS + " order by e.seq is null, e.life, e.seq, e.local_seq"
_COUNTS: Final = """
    and (e.local_seq is not null or e.life >= p.settled_life)
    and not exists (select 1 from refusals f where f.event_id = e.id)"""
# Job by job, as SQLite keeps to the order of a cross join: to ask for it would have it sort, all data in hand. Of a job
# without any event that counts comes one row of nulls.
_COUNTED_FACTS: Final = f"""
    select i.value, e.id, e.type, e.v, coalesce(e.owner, p.owner, 'local'), coalesce(e.actor, p.owner, 'local'),
           coalesce(e.recorded_at, e.occurred_at), e.data, e.correlation_id
    from json_each(:job_ids) i cross join replica p
    left join events e on e.job_id = i.value {_COUNTS}"""  # noqa: S608 - the constant above
_COUNTED_REQUEST: Final = _EVENTS + " and e.type = 'job.requested'" + _COUNTS
_REFUSED_REQUEST: Final = "select 1 from refusals where job_id = :job_id and type = 'job.requested'"
_KEPT_FOLD: Final = "select fold from jobs where job_id = :job_id"
# These three take their values by position, as _rows gives them: finding the names costs as much as the writing.
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
# of a job whose request is in its row already
_UPDATE_STATUS: Final = """
    update jobs
    set status = ?, attempt = ?, run_at = ?, started_at = ?, cancel_requested_at = ?, finished_at = ?, progress = ?,
        result = ?, error = ?, fold = ?
    where job_id = ?"""
# of a job whose request cannot be read here
_WRITE_STATUS: Final = """
    insert into jobs (status, attempt, run_at, started_at, cancel_requested_at, finished_at, progress, result, error,
                      fold, job_id)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    on conflict (job_id) do update
    set status = excluded.status, attempt = excluded.attempt, run_at = excluded.run_at,
        started_at = excluded.started_at, cancel_requested_at = excluded.cancel_requested_at,
        finished_at = excluded.finished_at, progress = excluded.progress, result = excluded.result,
        error = excluded.error, fold = excluded.fold"""


def read_history(connection: sqlite3.Connection, job_id: str) -> Iterator[Event]:
    """Everything the file holds about a job: first what the server has put in order, then what it has not yet."""
    rows = connection.execute(_ALL_EVENTS, {"job_id": job_id})
    return (parse_event(EventRow._make(row)._asdict()) for row in rows)


def refold(connection: sqlite3.Connection, job_id: str) -> None:
    """Fold a job anew from all of its events that count, and write its row. Belongs into the caller's transaction."""
    refold_all(connection, [job_id])


def refold_all(connection: sqlite3.Connection, job_ids: Sequence[str], recent: Recent | None = None) -> None:
    """Fold these jobs anew. Belongs into the caller's transaction."""
    if job_ids:
        _write(connection, _folded_anew(connection, job_ids, recent or Recent()))


def extend(
    connection: sqlite3.Connection,
    news: Mapping[str, Sequence[StoredFact]],
    met: Mapping[str, bool],
    recent: Recent,
) -> None:
    """Fold further events of jobs, which are stored already, and write their rows.

    ``met`` names the jobs of which the file held events before, and says whether a state is kept of them. What is new
    is folded on top of a job's ``recent`` or kept state; where there is none, the job is folded anew. Belongs into the
    caller's transaction.
    """
    anew: list[str] = []
    _write(connection, _extended(connection, news, met, recent, anew))
    refold_all(connection, anew, recent)


def find_wrong(connection: sqlite3.Connection, job_ids: Iterable[str]) -> Iterator[list[str]]:
    """Compare rows of ``jobs`` with what their events add up to; for each job, gives its id where the two differ.

    No file is written: from here on, a temporary table of the same name stands before this connection's ``jobs``.
    """
    connection.execute("pragma temp_store = memory")
    connection.execute("create temp table jobs as select * from main.jobs limit 0")
    connection.execute("create unique index temp.jobs_by_id on jobs (job_id)")
    for job_id in job_ids:
        key = {"job_id": job_id}
        connection.execute("delete from temp.jobs")
        connection.execute("insert into temp.jobs select * from main.jobs where job_id = :job_id", key)
        refold(connection, job_id)
        kept, folded = (connection.execute(query, key).fetchone() for query in (_KEPT, _FOLDED))
        yield [] if _meaning(kept) == _meaning(folded) else [job_id]


def _meaning(row: tuple[Any, ...] | None) -> list[Any] | None:
    # the triggers write times to the millisecond and JSON as it came; the fold writes both its own way
    if row is None:
        return None
    times = [value and datetime.fromisoformat(value) for value in row[_TIMES]]
    texts = [value and json.loads(value) for value in row[_JSON]]
    return [*row[: _TIMES.start], *times, *texts]


_Folded: TypeAlias = tuple[str, JobState, Request | None]
"""A job's id and state, and the request that its row shows already; None: its row has to be written anew."""


def _extended(
    connection: sqlite3.Connection,
    news: Mapping[str, Sequence[StoredFact]],
    met: Mapping[str, bool],
    recent: Recent,
    anew: list[str],
) -> Iterator[_Folded]:
    for job_id, facts in news.items():
        state = recent.take(job_id)
        if state is None:
            if job_id not in met:
                state = JobState(read_id(job_id))
            elif met[job_id]:
                ((kept,),) = connection.execute(_KEPT_FOLD, {"job_id": job_id})
                state = load_state(kept)
            else:
                anew.append(job_id)
                continue
        yield job_id, _folded_on(job_id, state, facts, recent), state.request


def _folded_anew(connection: sqlite3.Connection, job_ids: Sequence[str], recent: Recent) -> Iterator[_Folded]:
    rows = connection.execute(_COUNTED_FACTS, {"job_ids": json.dumps(job_ids)})
    for job_id, found in groupby(rows, key=itemgetter(0)):
        facts = (row[1:] for row in found if row[1] is not None)
        yield job_id, _folded_on(job_id, JobState(_id(job_id)), facts, recent), None


def _id(job_id: str) -> UUID:
    try:
        return read_id(job_id)
    except ValueError:  # stored past the checks: its events are refused, and nobody finds it by this id
        return UUID(int=0)


def _folded_on(job_id: str, state: JobState, facts: Iterable[StoredFact], recent: Recent) -> JobState:
    size = 0
    for fact in facts:
        size += len(fact[6])
        state = fold(state, read_fact(*fact))
    recent.put(job_id, state, size)
    return state


def _write(connection: sqlite3.Connection, jobs: Iterable[_Folded]) -> None:
    """Write the row of each job."""
    # one job at a time is in memory: what its handlers reported may be large
    connection.executemany(_WRITE, _rows(connection, jobs))


def _rows(connection: sqlite3.Connection, jobs: Iterable[_Folded]) -> Iterator[tuple[Any, ...]]:
    for job_id, state, shown in jobs:
        request, ending, cancel = state.request, state.ending, state.cancel
        status, run_at, started_at, finished_at, progress, result, error, _, _ = state.read()
        if status is None or not (request or connection.execute(_COUNTED_REQUEST, {"job_id": job_id}).fetchone()):
            _write_without_status(connection, job_id)
            continue
        if status == "cancelled" and not ending:
            # An own cancel makes a pending job cancelled as far as we can tell, while a processor may be starting it.
            finished_at = None  # it is over when the server says so
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
            None if ending or is_small(state) else dump_state(state),  # what has ended hears little more
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
    """No event that counts says anything about the status, or there is no request: the job may have left the file."""
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
        # its offset takes it out of the years 1 to 9999, and nobody here can wait that long
        return "9999-12-31T23:59:59.999999Z" if value.year > 1 else "0001-01-01T00:00:00.000000Z"


def _json(value: Any) -> str:
    # a number too large for a float reads as infinite, for which JSON has no word
    return to_json(value, inf_nan_mode="null").decode()
