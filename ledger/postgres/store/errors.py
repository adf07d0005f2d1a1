"""What Postgres refuses, as the port's errors."""

from __future__ import annotations

from typing import Final

import psycopg

from ledger.errors import LedgerError, one_line
from ledger.ports.store import BrokenOff, Interrupted, NotAllowed, NotRegistered, Unrecordable
from ledger.postgres.database import is_transient

ABOUT_DATA: Final = ("22", "23", "54")
"""SQLSTATE classes that say something about the data of one event, and nothing about the others or the server."""
NOT_REGISTERED: Final = "JL001"
"""SQLSTATE of what is said in the name of a processor that is not registered any more."""
NOT_ALLOWED: Final = ("42501", "3F000")
"""SQLSTATEs of a login without rights, and of a database without the schema."""


def is_about_data(error: psycopg.Error) -> bool:
    """Whether a statement failed because of the data it was given: its neighbours would pass."""
    return (error.sqlstate or "").startswith(ABOUT_DATA) and not is_transient(error)


def translated(error: psycopg.Error, *, session_goes_on: bool = False) -> LedgerError | psycopg.Error:
    """The port's error for one of the driver's; the same one where the port has none."""
    said = str(error)
    if is_transient(error):
        return BrokenOff(said) if session_goes_on and error.sqlstate else Interrupted(said)
    if is_about_data(error):
        return Unrecordable(said)
    if error.sqlstate == NOT_REGISTERED:
        return NotRegistered(said)
    if error.sqlstate in NOT_ALLOWED:
        return NotAllowed(
            f"this login cannot run a processor: {one_line(error)}",
            hint="make it a member of ledger_processor, in a database where jobledger init was run",
        )
    return error
