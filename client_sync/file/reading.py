"""Opening a file to read only: it stays as it is, and nothing is made beside it, not even for a moment.

To read a write-ahead log, SQLite makes side files where they are missing; on a read-only disk it gives up. So a file
that no program has open is read without locks (``immutable``). A file that was left with a log, but without the log's
index, is copied, and the copy is read. Neither shows what is written later. So a reader compares what the files look
like before and after, and opens them anew where they differ (see ``Replica.read``).
"""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from client_sync.file.schema import APPLICATION_ID, inspect_header
from ledger.errors import LedgerError, NotALedger

Look: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""What shows that a file or its log was written to: of each the inode, the size and the time of the last write."""

_SIDES: Final = ("", "-wal", "-journal")
_COPIES: Final = 5
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class _Reading(sqlite3.Connection):
    """A connection, perhaps to a copy, which is deleted when the connection is closed."""

    folder: TemporaryDirectory[str] | None = None

    def close(self) -> None:
        super().close()
        if self.folder is not None:
            self.folder.cleanup()


def is_there(path: Path) -> bool:
    """Whether there is a file. Raises NotALedger for what is there and is no file: opening a pipe would never end."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        hint = "check the path, and the rights of its folders"
        raise LedgerError(f"cannot open {path}: {error.strerror}", hint=hint) from error
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise NotALedger(f"cannot open {path}: it is {kind} and not a file", hint="choose another file")
    return True


def is_replica(path: Path) -> bool:
    """Whether there is a file that is a replica. Raises NotALedger or SchemaMismatch for one that cannot become one."""
    path = path.absolute()
    if not is_there(path):
        return False
    if inspect_header(path) == APPLICATION_ID:
        return True
    try:
        connection, _ = open_to_read(path)
        with closing(connection):  # only the log may say so, where the file had one before it became a replica
            return bool(connection.execute("pragma application_id").fetchone() == (APPLICATION_ID,))
    except sqlite3.Error as error:
        raise LedgerError(f"cannot read {path}: {error}", hint="check the file, and who uses it") from error


def look_at(path: Path) -> Look:
    """What the file and its log look like now."""
    return tuple(_look(path.with_name(path.name + side)) for side in _SIDES)


def open_to_read(path: Path) -> tuple[sqlite3.Connection, Look | None]:
    """A connection; and what the file looked like, where the connection does not see what is written later, else None.

    Raises LedgerError where it cannot be opened, and SQLite's own errors.
    """
    for _ in range(_COPIES):
        seen = look_at(path)
        _, log, journal = seen
        is_used = path.with_name(f"{path.name}-shm").exists()
        if not is_used and not (log and log[1]) and not (journal and journal[1]):
            return _connect(path, "mode=ro&immutable=1"), seen
        if is_used or not log:
            try:
                connection = _connect(path, "mode=ro")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                    raise
            else:
                return connection, None
        connection = _connect_to_copy(path)
        if look_at(path) == seen:
            return connection, seen
        connection.close()  # it was written meanwhile: perhaps a program has it open now
    raise LedgerError(f"{path} is being written all the time", hint="try again, or read it from where it is written")


def decode(text: bytes) -> str:
    """A text of the file. Another program may have written other bytes than UTF-8: that must not stop a reader."""
    return text.decode("utf-8", "replace")


def _connect(path: Path, query: str, folder: TemporaryDirectory[str] | None = None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?{query}", uri=True, isolation_level=None, check_same_thread=False, factory=_Reading
    )
    connection.folder = folder
    connection.text_factory = decode
    try:
        connection.execute("select 1 from sqlite_schema limit 1")  # SQLite opens the log at the first look
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_copy(path: Path) -> sqlite3.Connection:
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="jobledger-")
    try:
        copy = Path(folder.name) / path.name
        for side in ("-wal", "-journal", ""):  # the log first: a checkpoint takes from it, and adds to the file
            if (source := path.with_name(path.name + side)).exists():
                copyfile(source, copy.with_name(source.name))
        return _connect(copy, "mode=rw", folder)
    except OSError as error:
        folder.cleanup()
        hint = "free some space in the folder for temporary files, or read the file where it may be written"
        raise LedgerError(f"cannot copy {path}: {error.strerror}", hint=hint) from error
    except BaseException:
        folder.cleanup()
        raise


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
