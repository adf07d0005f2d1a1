"""Every error a user of jobledger can meet, in one hierarchy.

An error says what happened and to which job or event; ``hint`` says what to do about it. ``exit_code`` is what
the command line ends with, and is stable (see README).
"""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """Something went wrong that the caller can act upon. Nothing was half-written when it is raised."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidEvent(LedgerError):
    """The content of an event breaks the catalogue's rules; nothing was appended."""


class JobNotFound(LedgerError):
    """No job with this id is known here."""

    exit_code = 3


class Conflict(LedgerError):
    """The action does not fit the state it met (a newer schema, a busy file, a job that already ended)."""

    exit_code = 4


class JobFailed(LedgerError):
    """A job that was waited for ended as failed or cancelled, or was refused by the server."""

    exit_code = 5


class VerificationFailed(LedgerError):
    """The projection does not equal the fold of the log."""

    exit_code = 6


class ServerUnreachable(LedgerError):
    """Postgres cannot be reached or turned the connection away. Local data is untouched; try again later."""

    exit_code = 7


class LoginRefused(ServerUnreachable):
    """Postgres answered, and does not let this login in: wrong or expired password, no right, no such database.

    Local data is untouched, and once the server's side is mended the same call succeeds.
    """

    exit_code = 4


class NotALedger(LedgerError):
    """The file or database is not a job ledger, or is damaged. It was left as it is."""


class SchemaMismatch(Conflict):
    """The file or database was written by another version of jobledger. It was left as it is."""


class WaitTimeout(LedgerError):
    """The job did not end within the time given. It goes on unchanged."""


def one_line(error: BaseException | None) -> str:
    """What an error says, on one line; the name of its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
