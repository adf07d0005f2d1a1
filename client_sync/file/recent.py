"""States of jobs, kept in memory from one page of the log to the next, so that they need not be read again."""

from __future__ import annotations

import sqlite3
from typing import Final

from ledger.model.fold import JobState

RECENT_JOBS: Final = 1000
RECENT_BYTES: Final = 1000
"""How many states are kept, and how many bytes of data the events of each may have."""


class Recent:
    """The states of unfinished jobs, as the last pages left them: most of these jobs have further events soon.

    They hold while nothing but those pages has changed the file.
    """

    def __init__(self) -> None:
        self._states: dict[str, JobState] = {}
        self._seen: tuple[object, ...] = ()

    def begin(self, connection: sqlite3.Connection) -> None:
        """At the start of a transaction: forget the states if the file was changed since."""
        if self.look(connection) != self._seen:
            self._states.clear()
        self._seen = ()

    def look(self, connection: sqlite3.Connection) -> tuple[object, ...]:
        """What shows whether the file was changed, within a transaction."""
        # data_version changes with what others commit, total_changes with what this connection writes
        return connection, *connection.execute("pragma data_version").fetchone(), connection.total_changes

    def hold(self, connection: sqlite3.Connection, seen: tuple[object, ...]) -> None:
        """After the transaction: if it was committed, the states are those of the file as ``seen`` at its end."""
        if not connection.in_transaction:
            self._seen = seen

    def clear(self) -> None:
        self._states.clear()

    def take(self, job_id: str) -> JobState | None:
        return self._states.pop(job_id, None)

    def put(self, job_id: str, state: JobState, size: int) -> None:
        if size <= RECENT_BYTES and is_small(state):
            if len(self._states) >= RECENT_JOBS:
                del self._states[next(iter(self._states))]
            self._states[job_id] = state


def is_small(state: JobState) -> bool:
    """Whether a job is unfinished, and has so few events that to fold them anew is as cheap as to keep its state."""
    return not (state.ending or state.steps or len(state.attempts) > 1 or state.current.progress or state.current.lines)
