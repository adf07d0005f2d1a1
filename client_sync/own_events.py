"""Appending the file's own events: requests and cancels, in the caller's transaction. Triggers check each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from client_sync.job import find_by_key, find_request
from client_sync.submission import Submission, format_time, parse_id
from ledger.errors import Conflict, InvalidEvent
from ledger.ids import new_id

_NEXT: Final = "select local_seq from next_number"
_APPEND: Final = """
    insert into events (id, job_id, type, local_seq, occurred_at, data)
    values (:id, :job_id, :type, :local_seq, :occurred_at, :data)"""


def append_requests(
    connection: sqlite3.Connection, requests: Iterable[tuple[Submission, str]], at: datetime
) -> tuple[list[UUID], int]:
    """Append those requests, each with its text, that are not there yet. Gives the ids of all, and how many were new.

    Raises InvalidEvent for what the triggers refuse, and Conflict for a ``job_id`` that was used for something else.
    """
    job_ids: list[UUID] = []

    def new() -> Iterator[tuple[UUID, str, bool]]:
        # asked for while SQLite takes the rows one by one: each request sees those before it
        for request, text in requests:
            known = _find(connection, request, text)
            job_ids.append(known or (new_id() if request.job_id is None else parse_id(request.job_id)))
            if known is None:
                yield job_ids[-1], text, request.job_id is None

    return job_ids, _append(connection, "job.requested", new(), at)


def append_cancel(connection: sqlite3.Connection, job_id: UUID, text: str, at: datetime) -> None:
    """Append a cancel. Raises InvalidEvent for what the triggers refuse."""
    _append(connection, "job.cancel_requested", iter([(job_id, text, False)]), at)


def _append(connection: sqlite3.Connection, kind: str, events: Iterator[tuple[UUID, str, bool]], at: datetime) -> int:
    ((first,),) = connection.execute(_NEXT)
    number, job_id, occurred_at = first, None, format_time(at)

    def rows() -> Iterator[dict[str, object]]:
        nonlocal number, job_id
        for job_id, text, is_new in events:
            id_text = str(job_id)
            yield {
                # as the file's own default does: the first event of a new job bears its id
                "id": id_text if is_new else new_id.text(),
                "job_id": id_text,
                "type": kind,
                "local_seq": number,
                "occurred_at": occurred_at,
                "data": text,
            }
            number += 1

    try:
        connection.executemany(_APPEND, rows())
    except sqlite3.IntegrityError as error:
        raise InvalidEvent(f"job {job_id}: {error}") from error
    return int(number - first)


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
