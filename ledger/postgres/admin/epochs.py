"""The epoch of this database: which one it is, and beginning a new one by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ledger.errors import Conflict

if TYPE_CHECKING:
    from ledger.postgres.database import Session

_CURRENT: Final = """
    select l.number, l.epoch::text as epoch, l.began_at, l.reason
    from ledger.epochs l where l.number = ledger.current_epoch()
"""


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch of the database: its number, its UUID, since when it is, and why it began."""

    number: int
    epoch: str
    began_at: datetime
    reason: str


def read_epoch(connection: Session) -> Epoch:
    """The current epoch."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Epoch)) as cursor:
        [found] = cursor.execute(_CURRENT.encode()).fetchall()
    return found


def begin_epoch(connection: Session, reason: str) -> None:
    """Begin a new epoch. Raises Conflict where it cannot begin now, or this login may not."""
    from psycopg import errors

    try:
        connection.execute("select ledger.begin_epoch(%(reason)s)", {"reason": reason})
    except errors.LockNotAvailable as error:
        message = "a transaction that has written events stays open, and a new epoch waits for none"
        raise Conflict(message, hint="try again; jobledger doctor names it") from error
    except errors.ObjectNotInPrerequisiteState as error:
        raise Conflict(str(error.diag.message_primary), hint=error.diag.message_hint) from error
    except errors.InsufficientPrivilege as error:
        raise Conflict("this login may not begin an epoch", hint="it is for operators: jobledger grant") from error
