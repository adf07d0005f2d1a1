"""Appending the file's own events: requests and cancels, in the caller's transaction. Triggers check each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeAlias
from uuid import UUID

from client_sync.job import find_by_key, find_request
from client_sync.replica import Replica
from client_sync.submission import Submission, format_time, parse_id
from ledger.errors import Conflict, InvalidEvent
from ledger.ids import new_id

_Row: TypeAlias = tuple[str, str, str]
"""Of an event to be: its id, its job's, its data."""

_AT_ONCE: Final = 50
"""How many rows one statement takes: what it costs to begin and end one is a third of a row."""
_NEXT: Final = "select local_seq from next_number"
_INSERT: Final = "insert into events (id, job_id, type, local_seq, occurred_at, data) values "
_ROW: Final = "(:id#, :job_id#, :type, :first + #, :at, :data#)"
_APPEND_NEW: Final = """
    insert into events (id, job_id, type, local_seq, occurred_at, data)
    values (:id, :id, 'job.requested', (select local_seq from next_number), :at, :data)"""
_APPEND: Final = {
    count: _INSERT + ", ".join(_ROW.replace("#", str(n)) for n in range(count)) for count in (1, _AT_ONCE)
}
_NAMES: Final = tuple(f"{name}{n}" for n in range(_AT_ONCE) for name in ("id", "job_id", "data"))


def append_new(replica: Replica, text: str, at: datetime) -> UUID:
    """Append one request for a new job; gives its id. Raises InvalidEvent for what the triggers refuse.

    It is a transaction of its own, or a part of the one that this thread is in.
    """
    job_id = new_id()
    try:
        replica.execute(_APPEND_NEW, {"id": str(job_id), "at": format_time(at), "data": text})
    except sqlite3.IntegrityError as error:
        raise InvalidEvent(f"job {job_id}: {error}") from error
    return job_id


def append_requests(
    connection: sqlite3.Connection, requests: Iterable[tuple[Submission, str]], at: datetime
) -> tuple[list[UUID], int]:
    """Append those requests, each with its text, that are not there yet. Gives the ids of all, and how many were new.

    Raises InvalidEvent for what the triggers refuse, and Conflict for a ``job_id`` that was used for something else.
    """
    job_ids: list[UUID] = []
    waiting: list[_Row] = []
    added = 0
    for request, text in requests:
        if request.key is not None or request.job_id is not None:
            # it may be asking for one of those before it
            added += _append(connection, "job.requested", waiting, at)
            waiting = []
            known = _find(connection, request, text)
            if known is not None:
                job_ids.append(known)
                continue
        job_id = new_id() if request.job_id is None else parse_id(request.job_id)
        id_text = str(job_id)
        job_ids.append(job_id)
        # as the file's own default does: the first event of a new job bears its id
        waiting.append((id_text if request.job_id is None else new_id.text(), id_text, text))
    return job_ids, added + _append(connection, "job.requested", waiting, at)


def append_cancel(connection: sqlite3.Connection, job_id: UUID, text: str, at: datetime) -> None:
    """Append a cancel. Raises InvalidEvent for what the triggers refuse."""
    _append(connection, "job.cancel_requested", [(new_id.text(), str(job_id), text)], at)


def _append(connection: sqlite3.Connection, kind: str, rows: Sequence[_Row], at: datetime) -> int:
    if not rows:
        return 0
    ((first,),) = connection.execute(_NEXT)
    common = {"type": kind, "at": format_time(at)}

    def write(start: int, count: int) -> None:
        values = dict(zip(_NAMES, chain.from_iterable(rows[start : start + count]), strict=False))
        try:
            connection.execute(_APPEND[count], {**common, **values, "first": first + start})
        except sqlite3.IntegrityError as error:
            if count > 1:
                for n in range(start, start + count):
                    write(n, 1)  # which of them it is
            raise InvalidEvent(f"job {rows[start][1]}: {error}") from error

    together = len(rows) // _AT_ONCE * _AT_ONCE
    for start in range(0, together, _AT_ONCE):
        write(start, _AT_ONCE)
    for start in range(together, len(rows)):
        write(start, 1)
    return len(rows)


def _find(connection: sqlite3.Connection, request: Submission, text: str) -> UUID | None:
    """The job that the request is asking for again, if there is one."""
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
