"""How far the work is, for somebody who stands by and watches: the demo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from ledger.postgres.database import Session

_BUSIEST: Final = """
    select p.processor, p.pid from ledger.jobs j join ledger.processors p on p.processor = j.processor
    group by p.processor order by count(*) desc limit 1
"""
_RUNNING: Final = """
    select clock_timestamp() as at, count(*) as jobs from ledger.jobs where processor = %(processor)s
"""
_FIRST_RERUN: Final = """
    select min(s.recorded_at) from ledger.events l
    join ledger.events s on s.job_id = l.job_id and s.type = 'attempt.started' and s.recorded_at > l.recorded_at
    where l.type = 'attempt.lost'
"""
_UNSEQUENCED: Final = """
    select count(*) from ledger.events e where not exists (select from ledger.log l where l.event_id = e.id)
"""
_ENDINGS: Final = """
    select e.job_id, count(*) filter (where e.type in ('job.completed', 'job.failed', 'job.cancelled')) as endings
    from ledger.events e where e.job_id is not null group by e.job_id
"""


@dataclass(frozen=True, slots=True)
class Busiest:
    """The processor that runs the most jobs, and the number of its process."""

    processor: UUID
    pid: int


@dataclass(frozen=True, slots=True)
class Running:
    """How many jobs a processor was running, and when, by the server's clock."""

    at: datetime
    jobs: int


def count_processors(connection: Session) -> int:
    """How many processors have ever registered."""
    return int(_value(connection, "select count(*) from ledger.processors"))


def count_by_status(connection: Session) -> dict[str, int]:
    """How many jobs there are of each status. Reads them all."""
    rows = connection.execute("select status, count(*) as jobs from ledger.jobs group by status").fetchall()
    return {row["status"]: row["jobs"] for row in rows}


def count_unfinished(connection: Session) -> int:
    """How many jobs have not ended."""
    return int(_value(connection, "select count(*) from ledger.jobs where finished_at is null"))


def count_lost(connection: Session) -> int:
    """How many attempts were lost with their processors."""
    return int(_value(connection, "select count(*) from ledger.events where type = 'attempt.lost'"))


def count_unsequenced(connection: Session) -> int:
    """How many events are not in order yet. Reads them all."""
    return int(_value(connection, _UNSEQUENCED))


def find_busiest(connection: Session) -> Busiest | None:
    """The processor that runs the most jobs; None where none runs any."""
    row = connection.execute(_BUSIEST.encode()).fetchone()
    return None if row is None else Busiest(**row)


def read_running(connection: Session, processor: UUID) -> Running:
    """What this processor runs now."""
    [row] = connection.execute(_RUNNING.encode(), {"processor": processor}).fetchall()
    return Running(**row)


def first_rerun_at(connection: Session) -> datetime | None:
    """When the first job whose attempt was lost started again."""
    found: datetime | None = _value(connection, _FIRST_RERUN)
    return found


def count_endings(connection: Session) -> dict[UUID, int]:
    """How many events of each job say that it has ended."""
    return {row["job_id"]: row["endings"] for row in connection.execute(_ENDINGS.encode()).fetchall()}


def _value(connection: Session, query: str) -> Any:
    [row] = connection.execute(query.encode()).fetchall()
    return next(iter(row.values()))
