"""What the ledger holds at this moment, as ``jobledger stats`` shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from ledger.postgres.admin.stats import count_by_handler, count_jobs, read_leader, read_log_state, read_processors
from ledger.postgres.admin.symptoms import find_stopping
from processor.work.reports import STOPPING

if TYPE_CHECKING:
    from ledger.postgres.database import Session

WAITING: Final = ("ready", "scheduled")
ENDED: Final = ("completed", "failed", "cancelled")


def read_stats(connection: Session, *, most: int | None = None) -> dict[str, Any]:
    """Jobs by status and by handler, live processors, and how far the log is, as ``--json`` prints it.

    Each part is of its own moment. With ``most``, only so many handlers, those with the most open jobs;
    ``more_handlers`` says how many are left out. ``stopping``, by processor: attempts that ran out of time and go on.
    """
    counted = count_jobs(connection)
    handlers, more = count_by_handler(connection, most=most)
    leader = read_leader(connection)
    return {
        "jobs": {
            "pending": sum(counted.get(standing, 0) for standing in WAITING),
            **{status: counted.get(status, 0) for status in ("running", *ENDED)},
        },
        **{standing: counted.get(standing, 0) for standing in WAITING},
        "handlers": [asdict(handler) for handler in handlers],
        "more_handlers": more,
        "stopping": [asdict(stopping) for stopping in find_stopping(connection, STOPPING)],
        "processors": [asdict(processor) for processor in read_processors(connection)],
        "leader": None if leader is None else asdict(leader),
        "log": asdict(read_log_state(connection)),
    }
