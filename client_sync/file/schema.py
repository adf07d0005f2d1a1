"""Recognising a file as a replica, and of which version.

SQLite keeps two numbers in the header of every file, and they say what a file is: ``application_id`` that it is a
replica, ``user_version`` of which version. A file that is up to date costs two ``pragma`` reads.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import Final

from ledger.errors import LedgerError, NotALedger, SchemaMismatch

APPLICATION_ID: Final = 0x4A4C4452
"""``JLDR``: what ``application_id`` says of a replica."""
VERSION: Final = 2
"""The ``user_version`` that this code works with. It upgrades older files, and leaves newer ones alone."""


def inspect_header(path: Path) -> int:
    """Look at the numbers in the header of an existing file, before it is opened: opening some files changes them.

    Gives the application_id, which is 0 where it was never set. Raises NotALedger or SchemaMismatch for a file that is
    not ours. The file is only read, and by SQLite: to open and close it in any other way takes away the locks that this
    process has on it (a rule of POSIX), and another process would then delete the log while it is in use.
    """
    try:
        # immutable: no lock is taken, no log is looked at, and no side file is made
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return read_numbers(connection, path)[0]
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_NOTADB:
            raise LedgerError(f"cannot open {path}: {error}", hint="check the path and its rights") from error
        raise NotALedger(
            f"{path} is not an SQLite file",
            hint=f"choose another file; or if it was one, jobledger salvage {quote(str(path))} --into NEW",
        ) from error


def read_numbers(connection: sqlite3.Connection, path: Path) -> tuple[int, int]:
    """The application_id and the user_version of an open file; both are 0 where there is no replica yet.

    Raises NotALedger for another application's file, SchemaMismatch for a replica of a newer version.
    """
    # in this order: another process may be making the file, and writes both numbers in one commit
    ((version,),) = connection.execute("pragma user_version")
    ((signed_id,),) = connection.execute("pragma application_id")
    application_id = signed_id & 0xFFFF_FFFF
    if application_id not in (0, APPLICATION_ID):
        raise NotALedger(
            f"{path} is another application's file (application_id {application_id:#x})",
            hint="choose another file; this one was left as it is",
        )
    if application_id == 0 and version != 0:
        raise NotALedger(
            f"{path} uses user_version ({version}) for something else", hint="keep the replica in a file of its own"
        )
    if version > VERSION:
        raise SchemaMismatch(
            f"{path} was written by a newer jobledger (version {version}; this one knows {VERSION})",
            hint="upgrade jobledger; the file was left as it is",
        )
    return application_id, version
