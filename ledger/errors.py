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


class BadAnswer(LedgerError):
    """The server's answer cannot be true. Nothing of it was kept or acknowledged, and everything of the file is."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"the server's answer cannot be true: {detail}",
            hint="everything is kept; is this the right server, and is its jobledger as it was installed?",
        )


class SyncRefused(Conflict):
    """The server turns this file away as a whole. Everything is kept, and nothing is sent until a person has looked.

    ``code`` is one of ``ledger.model.protocol.RefusalCode``: ``not_yours`` for another owner's file,
    ``not_allowed`` for a role without the rights of a client, ...
    """

    _HINTS: ClassVar = {
        "not_yours": "sync with the login that this file belongs to, or on its behalf; or use a file for each login",
        "not_allowed": "see jobledger grant client --help",
    }

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        hint = self._HINTS.get(code, "everything is kept; upgrade jobledger")
        super().__init__(f"the server refuses this file: {detail}", hint=hint)


class ProtocolMismatch(Conflict):
    """This client and the server speak no common version of the client protocol. Everything is kept.

    Once the older side is upgraded, the same call succeeds, and a background sync goes on by itself.
    """


class WaitTimeout(LedgerError):
    """The job did not end within the time given. It goes on unchanged."""


def one_line(error: BaseException | None) -> str:
    """What an error says, on one line; the name of its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
