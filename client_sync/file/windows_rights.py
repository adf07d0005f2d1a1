"""Who may use what belongs to a file, on Windows: there a new file has the rights that its folder hands down."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ledger.errors import LedgerError


def make_new(path: Path) -> None:
    """Make an empty file, unless there is one. Raises LedgerError where that cannot be."""
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    except OSError as error:
        raise LedgerError(f"cannot open {path}: {error.strerror}", hint="check the path and its rights") from error


def open_lock(lock: Path, _file: Path) -> BinaryIO:
    """The lock beside a file, open, and made where it is missing. Raises LedgerError where it cannot be opened."""
    try:
        return os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT), "r+b")
    except OSError as error:
        hint = "check the rights of the file and its folder"
        raise LedgerError(f"cannot write {lock}: {error.strerror}", hint=hint) from error


def share(_path: Path) -> None:
    """Nothing to do: SQLite's side files have the folder's rights too."""
