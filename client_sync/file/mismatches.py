"""Finding rows of ``jobs`` that are not what their events add up to."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from client_sync.file.projection import refold

_SHOWN: Final = """
    select request_id, name, namespace, status, priority, attempt, key, requested_at, run_at, expires_at, started_at,
           cancel_requested_at, finished_at, labels, progress, result, error"""
_KEPT: Final = _SHOWN + " from main.jobs where job_id = :job_id"
_FOLDED: Final = _SHOWN + " from temp.jobs where job_id = :job_id"
_TIMES: Final = slice(7, 13)
_JSON: Final = slice(13, None)


def find_mismatches(connection: sqlite3.Connection, job_ids: Iterable[str]) -> Iterator[list[str]]:
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
