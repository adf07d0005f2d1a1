"""Opening a file to write: it is made a replica of this version, and uses a write-ahead log."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from client_sync.file.on_disk import sync_wholly
from client_sync.file.reading import decode
from client_sync.file.rights import share
from client_sync.file.schema import APPLICATION_ID, VERSION, read_numbers
from ledger.errors import LedgerError

_LOOK_EVERY_S: Final = 0.01


def open_to_write(
    path: Path, *, timeout: float, writing: Callable[[], AbstractContextManager[None]]
) -> sqlite3.Connection:
    """A connection in autocommit mode. An older file is upgraded, within ``writing``, which keeps other writers out.

    Raises what ``bring_up_to_date`` does, LedgerError where there can be no write-ahead log, and SQLite's own errors.
    """
    # a connection that its thread has left behind is closed by another one
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma synchronous = full")
        sync_wholly(connection)
        _bring_up_to_date(connection, path, writing)
        mode = _use_write_ahead_log(connection, timeout)
        share(path)
        if mode != "wal":
            raise LedgerError(f"{path} cannot use a write-ahead log", hint="choose a file on a local disk")
    except BaseException:
        connection.close()
        raise
    # see decode
    connection.text_factory = decode
    return connection


def _bring_up_to_date(
    connection: sqlite3.Connection, path: Path, writing: Callable[[], AbstractContextManager[None]]
) -> None:
    application_id, version = read_numbers(connection, path)
    if version == VERSION:
        return
    from client_sync.file.upgrade import bring_up_to_date

    if application_id != APPLICATION_ID:  # a new file, which no program writes to yet
        bring_up_to_date(connection, path)
        return
    with writing():
        bring_up_to_date(connection, path)
        connection.execute("pragma wal_checkpoint")  # the header tells older programs, before they open the file


def _use_write_ahead_log(connection: sqlite3.Connection, timeout: float) -> str:
    """Switch the journal mode, once in the life of a file; return the mode it is in.

    The switch makes a reader a writer, and there SQLite does not wait for others by itself: two such would wait for
    each other. Another process that has the file at this moment is making it too, and is done in an instant.
    """
    give_up_at = time.monotonic() + timeout
    while True:
        try:
            ((mode,),) = connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
            time.sleep(_LOOK_EVERY_S)
        else:
            return str(mode)
