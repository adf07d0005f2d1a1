"""Looking into a replica file, and copying one, without the code under test."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path
from uuid import UUID


def look_into(path: Path) -> AbstractContextManager[sqlite3.Connection]:
    """A connection that cannot write, closed at the end of the block. It reads whatever bytes a text has."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda text: text.decode(errors="replace")
    return closing(connection)


def copy_file(source: Path, target: Path) -> None:
    """A whole and consistent copy of a file in use."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


def own_events(path: Path) -> dict[str, bool]:
    """The file's own events, and of each whether the server has acknowledged it."""
    with look_into(path) as connection:
        rows = connection.execute(
            """
            select e.id, e.local_seq <= p.acked_seq from events e cross join replica p
            where e.local_seq is not null"""
        )
        return {event_id: bool(acknowledged) for event_id, acknowledged in rows}


def find_event(path: Path, job_id: UUID, kind: str) -> tuple[str, bool] | None:
    """The job's event of this type, and whether it is the file's own; an own one goes before another file's."""
    with look_into(path) as connection:
        row = connection.execute(
            """
            select id, local_seq is not null from events where job_id = :job_id and type = :type
            order by local_seq desc""",
            {"job_id": str(job_id), "type": kind},
        ).fetchone()
    return None if row is None else (row[0], bool(row[1]))
