"""What SQLite means by an error: a LedgerError of the kind that fits."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import quote
from types import TracebackType

from ledger.errors import Conflict, LedgerError, NotALedger


class Translating(AbstractContextManager[None]):
    """Raises the LedgerError that fits where an error of SQLite leaves the block. ``waited_s``: see ``busy``."""

    def __init__(self, path: Path, waited_s: float) -> None:
        self._path, self._waited_s = path, waited_s

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, sqlite3.Error):
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> LedgerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return busy(self._path, self._waited_s)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            salvage = f"jobledger salvage {quote(str(self._path))} --into NEW"
            return NotALedger(
                f"{self._path} is damaged: {error}", hint=f"it was left as it is; save what it holds: {salvage}"
            )
        return LedgerError(f"{self._path}: {error}", hint="check the disk, and the rights of the file and its folder")


def busy(path: Path, waited_s: float) -> Conflict:
    """The error for a file that another writer kept for as long as we were willing to wait."""
    return Conflict(f"{path} is busy: another writer has kept it for {waited_s:.0f} s", hint="try again")
