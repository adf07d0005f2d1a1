"""What the ledger holds at this moment, as ``jobledger stats`` shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ledger.model.waiting import WaitingReason
from ledger.postgres.admin.stats import (
    count_by_handler,
    count_jobs,
    count_waiting,
    read_leader,
    read_log_state,
    read_processors,
)
from ledger.postgres.admin.symptoms import find_stopping, find_unserved
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from ledger.postgres.database import Session

PENDING: Final = ("ready", "scheduled")
WAITING_LOOKED_AT: Final = 10_000
ENDED: Final = ("completed", "failed", "cancelled")


def read_stats(connection: Session, *, most: int | None = None) -> dict[str, Any]:
    """Jobs by status and by handler, live processors, and how far the log is, as ``--json`` prints it.

    Each part is of its own moment. ``waiting`` says why pending jobs do not start: of the first 10,000 that wait for a
    time, and of all that no processor has a handler for. With ``most``, only so many handlers, those with the most open
    jobs; ``more_handlers`` says how many are left out. ``stopping``, by processor: attempts that ran out of time and go
    on.
    """
    counted = count_jobs(connection)
    handlers, more = count_by_handler(connection, most=most)
    leader = read_leader(connection)
    return {
        "jobs": {
            "pending": sum(counted.get(state, 0) for state in PENDING),
            **{status: counted.get(status, 0) for status in ("running", *ENDED)},
        },
        **{state: counted.get(state, 0) for state in PENDING},
        "waiting": read_waiting(connection),
        "handlers": [asdict(handler) for handler in handlers],
        "more_handlers": more,
        "stopping": [asdict(stopping) for stopping in find_stopping(connection, STOPPING)],
        "processors": [asdict(processor) for processor in read_processors(connection)],
        "leader": None if leader is None else asdict(leader),
        "log": asdict(read_log_state(connection)),
    }


def read_waiting(connection: Session) -> dict[str, int]:
    """How many pending jobs wait, by reason: the words are those of ``ledger.model.waiting``."""
    waiting = count_waiting(connection, among=WAITING_LOOKED_AT)
    unserved = find_unserved(connection, most=1).jobs
    return {**waiting, **({WaitingReason.NO_HANDLER.value: unserved} if unserved else {})}
