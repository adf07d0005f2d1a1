"""Appending the file's own events: requests and cancels, in the caller's transaction.

A request for a new job was validated before it comes here. Its row in ``jobs`` is written first, which tells the
triggers not to validate it once more. They validate all others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from client_sync.file.job_rows import find_by_key, find_request
from client_sync.file.limits import Rules
from client_sync.file.replica import Replica
from client_sync.file.submission import Submission
from client_sync.file.valid_request import ValidRequest, job_columns
from client_sync.file.values import format_time, parse_id
from ledger.errors import Conflict, InvalidEvent
from ledger.model.ids import new_id

_Row: TypeAlias = tuple[str, ValidRequest]
"""The id of a request, which is its job's as well, and the request."""

_AT_ONCE: Final = (50, 10)
"""How many rows one statement writes: to begin and end a statement costs a third of a row."""
_APPEND: Final = """
    insert into events (id, job_id, type, local_seq, occurred_at, data)
    values (:id, :job_id, :type, (select local_seq from next_number), :at, :data)"""
_NEXT: Final = "select local_seq from next_number"

# By position, as finding a name costs more than binding its value; and mostly without None, which costs as much as ten.
_APPEND_FULL: Final = """
    insert into judged_requests (owner, max_event_bytes, max_params_bytes, max_json_depth, max_batch_bytes,
                                 job_id, requested_at, name, data, namespace, priority, key, run_at, expires_at, labels)
    values (nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_APPEND_PLAIN: Final = """
    insert into judged_requests (owner, max_event_bytes, max_params_bytes, max_json_depth, max_batch_bytes,
                                 job_id, requested_at, name, data, namespace, priority, labels)
    values (nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, 'default', 0, '{}')"""
# `?1` would say each value once, but Python 3.12.0 to 3.12.3 warn of it as if it were a name.
_JOB: Final = """
    insert into jobs (job_id, request_id, status, owner, requested_at,
                      name, namespace, priority, key, run_at, expires_at, labels)
    values (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_JOBS_TOGETHER: Final = """
    insert into jobs (job_id, request_id, status, owner, requested_at, name)
    select job.column1, job.column1, 'pending', rules.column1, rules.column2, job.column2
    from (values (?, ?)) rules cross join (values %s) job"""
_REQUESTS_TOGETHER: Final = """
    insert into events (id, job_id, type, local_seq, occurred_at, data)
    select event.column1, event.column1, 'job.requested', event.column2, rules.column1, event.column3
    from (values (?)) rules cross join (values %s) event"""
_JOBS: Final = {count: _JOBS_TOGETHER % ", ".join(["(?, ?)"] * count) for count in _AT_ONCE}
_EVENTS: Final = {count: _REQUESTS_TOGETHER % ", ".join(["(?, ?, ?)"] * count) for count in _AT_ONCE}
_PLAIN: Final = ("default", 0, None, None, None, "{}")
_OUTDATED: Final = "replica: its owner or limits are others by now"


class Outdated(Exception):
    """A request was validated by rules that no longer hold in the file: validate it again."""


def append_new(replica: Replica, request: ValidRequest, rules: Rules, at: datetime) -> UUID:
    """Append one request for a new job; gives its id. Raises InvalidEvent for what the file refuses, and Outdated.

    It is a transaction of its own, or a part of the one that this thread is in.
    """
    job_id, text = new_id.both()
    _append_valid(replica.execute, (text, request), rules, format_time(at))
    return job_id


def append_requests(
    connection: sqlite3.Connection, requests: Iterable[ValidRequest], rules: Rules, at: datetime
) -> tuple[list[UUID], int]:
    """Append those requests that are not there yet. Gives the ids of all, and how many were new.

    Raises InvalidEvent for what the file refuses, Conflict for a ``job_id`` that was used for something else, and
    Outdated, unless ``rules`` were read in this transaction.
    """
    job_ids: list[UUID] = []
    waiting: list[_Row] = []
    added = 0
    at_text = format_time(at)
    for request in requests:
        _, text, given = request
        if given is not None and (given.key is not None or given.job_id is not None):
            # it may be the same as one before it, which has to be in the file to be found
            _append_waiting(connection, waiting, rules, at_text)
            waiting = []
            known = _find(connection, given, text)
            if known is not None:
                job_ids.append(known)
                continue
        added += 1
        if given is None or given.job_id is None:
            job_id, id_text = new_id.both()
            waiting.append((id_text, request))
        else:  # there may be a cancel of this id already, which the triggers take into account
            job_id = parse_id(given.job_id)
            _append(connection, "job.requested", job_id, text, at_text)
        job_ids.append(job_id)
    _append_waiting(connection, waiting, rules, at_text)
    return job_ids, added


def append_cancel(connection: sqlite3.Connection, job_id: UUID, text: str, at: datetime) -> None:
    """Append a cancel. Raises InvalidEvent for what the triggers refuse."""
    _append(connection, "job.cancel_requested", job_id, text, format_time(at))


def _append(connection: sqlite3.Connection, kind: str, job_id: UUID, text: str, at: str) -> None:
    try:
        connection.execute(_APPEND, {"id": new_id.text(), "job_id": str(job_id), "type": kind, "at": at, "data": text})
    except sqlite3.IntegrityError as error:
        raise InvalidEvent(f"job {job_id}: {error}") from error


def _append_waiting(connection: sqlite3.Connection, rows: Sequence[_Row], rules: Rules, at: str) -> None:
    done = 0
    for count in _AT_ONCE:
        while len(rows) - done >= count:
            _append_together(connection, rows[done : done + count], rules, at)
            done += count
    for row in rows[done:]:
        _append_valid(connection.execute, row, rules, at)


def _append_together(connection: sqlite3.Connection, rows: Sequence[_Row], rules: Rules, at: str) -> None:
    """Write the rows that ``judged_requests`` would write for each, one table after the other."""
    ((first,),) = connection.execute(_NEXT)
    requests: list[object] = [at]
    jobs: list[object] = [rules[0], at]
    for local_seq, (job_id, (name, text, _)) in enumerate(rows, first):
        requests += (job_id, local_seq, text)
        jobs += (job_id, name)
    connection.execute("savepoint requests")
    try:
        if all(request is None for _, (_, _, request) in rows):
            connection.execute(_JOBS[len(rows)], jobs)
        else:
            connection.executemany(
                _JOB,
                (
                    (job_id, job_id, rules[0], at, name, *(_PLAIN if request is None else job_columns(request)))
                    for job_id, (name, _, request) in rows
                ),
            )
        connection.execute(_EVENTS[len(rows)], requests)
    except BaseException as error:
        if connection.in_transaction:  # else SQLite has undone everything, as it does when the disk is full
            connection.execute("rollback to requests")
            connection.execute("release requests")
        if not isinstance(error, sqlite3.IntegrityError):
            raise
        for row in rows:
            _append_valid(connection.execute, row, rules, at)  # raises for the one that is refused
        raise InvalidEvent(f"job {rows[0][0]}: {error}") from error
    connection.execute("release requests")


def _append_valid(execute: Callable[[str, Sequence[object]], object], row: _Row, rules: Rules, at: str) -> None:
    (job_id, (name, text, request)), (owner, limits) = row, rules
    values = (
        owner or "", limits.max_event_bytes, limits.max_params_bytes, limits.max_json_depth, limits.max_batch_bytes,
        job_id, at, name, text,
    )  # fmt: skip
    try:
        if request is None:
            execute(_APPEND_PLAIN, values)
        else:
            execute(_APPEND_FULL, (*values, *job_columns(request)))
    except sqlite3.IntegrityError as error:
        if str(error) == _OUTDATED:
            raise Outdated from error
        raise InvalidEvent(f"job {job_id}: {error}") from error


def _find(connection: sqlite3.Connection, request: Submission, text: str) -> UUID | None:
    """The job that was requested before by the same key or id, if there is one."""
    if request.key is not None:
        known = find_by_key(connection, request.namespace, request.name, request.key)
        if known is not None:
            return known
    if request.job_id is not None:
        job_id = parse_id(request.job_id)
        requested = find_request(connection, job_id)
        if requested == text:
            return job_id
        if requested is not None:
            raise Conflict(f"job {job_id} was requested before, as another job", hint="leave job_id out")
    return None
