"""Compaction: jobs that ended long ago leave the file. The server keeps them, and ``sync --again`` brings them back.

Which jobs may leave is the file's own rule (``compactable_jobs`` in ``replica.sql``, held by its triggers). Here is
only how they go: the oldest first, in short transactions with a rest between them, so that no writer waits for long.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from client_sync.file.replica import Replica
from client_sync.file.values import format_time
from ledger.errors import Conflict

EVENTS_AT_ONCE: Final = 1000
"""After how many events a transaction ends. A job with more of them leaves whole, too."""
JOBS_AT_ONCE: Final = 100

_COUNT: Final = "select count(*) from jobs where finished_at < :before"
_LEAVING: Final = """
    select c.job_id, c.finished_at, (select count(*) from events e where e.job_id = c.job_id)
    from compactable_jobs c
    where c.finished_at < :before and (c.finished_at, c.job_id) > (:finished_at, :job_id)
    order by c.finished_at, c.job_id limit :jobs"""
_LEAVE: Final = "insert into compaction (job_id) values (:job_id)"
_SKEW: Final = "select coalesce(clock_skew_ms, 0) from replica"

CompactReport: TypeAlias = Callable[[int, int], None]
"""Hears how many jobs have left so far, and how many there are of that age."""


@dataclass(frozen=True, slots=True)
class CompactResult:
    """What has left, in numbers of jobs and events, and the file's size in bytes.

    ``bytes_free`` of ``bytes_after`` are free: SQLite uses them for what comes next. Only ``vacuum`` gives them back.
    """

    jobs: int
    events: int
    bytes_before: int
    bytes_after: int
    bytes_free: int


def compact(
    replica: Replica, older_than: timedelta, now: datetime, *, vacuum: bool = False, report: CompactReport | None = None
) -> CompactResult:
    """Let jobs leave that the server ended more than ``older_than`` ago, by its clock as far as the file knows it.

    May be interrupted at any point: what has left has left, whole, and the rest stays. Raises Conflict inside a
    transaction of the caller, and when another writer keeps the file.
    """
    connection = replica.connection()
    if connection.in_transaction:
        raise Conflict("cannot compact inside a transaction", hint="compact takes many short ones of its own")
    with replica.translating():
        ((skew_ms,),) = connection.execute(_SKEW)
        before = format_time(now + timedelta(milliseconds=skew_ms) - older_than)
        ((total,),) = connection.execute(_COUNT, {"before": before})
        bytes_before = _size(connection)[0]
        jobs = events = 0
        last = ("", "")
        try:
            while True:
                began = time.monotonic()
                with replica.transaction():
                    gone, gone_events, last = _let_some_go(connection, before, last)
                if not gone:
                    break
                jobs, events = jobs + gone, events + gone_events
                if report:
                    report(jobs, total)
                time.sleep(time.monotonic() - began)  # so that others have half of the time
        finally:
            if jobs:
                _note(replica, {"jobs": jobs, "events": events, "finished_before": before})
        if vacuum:
            replica.execute("vacuum", {})
            replica.execute("pragma wal_checkpoint(truncate)", {})
        bytes_after, bytes_free = _size(connection)
    return CompactResult(jobs, events, bytes_before, bytes_after, bytes_free)


def _let_some_go(
    connection: sqlite3.Connection, before: str, last: tuple[str, str]
) -> tuple[int, int, tuple[str, str]]:
    """Let the next jobs leave, with about ``EVENTS_AT_ONCE`` events. Gives their numbers and the last job."""
    finished_at, job_id = last
    page = connection.execute(
        _LEAVING, {"before": before, "finished_at": finished_at, "job_id": job_id, "jobs": JOBS_AT_ONCE}
    ).fetchall()
    jobs = events = 0
    for job_id, finished_at, count in page:  # noqa: B007 - the next page begins at both
        connection.execute(_LEAVE, {"job_id": job_id})
        jobs, events = jobs + 1, events + count
        if events >= EVENTS_AT_ONCE:
            break
    return jobs, events, (finished_at, job_id)


def _note(replica: Replica, detail: dict[str, object]) -> None:
    with replica.transaction() as connection:
        connection.execute(
            "insert into replica_history (what, detail) values ('replica.compacted', :detail)",
            {"detail": json.dumps(detail)},
        )


def _size(connection: sqlite3.Connection) -> tuple[int, int]:
    """The bytes of the file, and how many of them are free."""
    ((pages,),) = connection.execute("pragma page_count")
    ((free,),) = connection.execute("pragma freelist_count")
    ((page_bytes,),) = connection.execute("pragma page_size")
    return pages * page_bytes, free * page_bytes
