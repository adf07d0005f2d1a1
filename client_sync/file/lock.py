"""Locked side files, which a crash frees: one sync per file at a time, and one writer where SQLite needs that."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from client_sync.file.os_locks import try_lock, unlock
from client_sync.file.rights import open_lock
from ledger.errors import Conflict

_LOOK_EVERY_S: Final = 0.02
_WRITER_LOOKS_EVERY_S: Final = 0.002

WAL_RESET_FIXED: Final = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The first versions without the WAL-reset bug, each for its own line of releases: sqlite.org/wal.html#walresetbug"""


def has_wal_reset_bug(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite may damage a file to which two processes write: see ``WriterLock``."""
    return version < WAL_RESET_FIXED[-1] and not any(
        version[:2] == first[:2] and version >= first for first in WAL_RESET_FIXED
    )


class SyncBusy(Conflict):
    """Another thread or process has been syncing this file for longer than we were willing to wait."""


@contextmanager
def sync_lock(replica_path: Path, *, timeout: float) -> Iterator[None]:
    """Hold ``<file>-sync.lock`` for the block.

    Raises SyncBusy after waiting ``timeout`` seconds, and LedgerError at once where the side file cannot be written.

    The side file stays: taking it away would let two processes lock two files of the same name.
    """
    with open_lock(Path(f"{replica_path}-sync.lock"), Path(replica_path)) as file:
        if not _acquired(file, timeout, _LOOK_EVERY_S):
            raise SyncBusy(
                f"{replica_path} is being synced by someone else", hint="it is up to date when they are done"
            )
        pid = os.getpid()
        try:
            yield
        finally:
            if pid == os.getpid():  # and not in a child, which has the same open file
                unlock(file)


class WriterLock:
    """Keeps all other processes from writing a replica by way of this package: ``<file>-write.lock``.

    Where SQLite has the WAL-reset bug, a checkpoint may leave out pages if another connection has just checkpointed
    and a third one's commit starts the log anew in between. A commit and the checkpoint that follows it are made
    under one lock, so they never meet. Elsewhere SQLite's own lock is enough, and there is no side file. One thread at
    a time may use a ``WriterLock``.
    """

    def __init__(self, replica_path: Path) -> None:
        self._replica_path = Path(replica_path)
        self._path = Path(f"{replica_path}-write.lock")
        self._needed: Final = has_wal_reset_bug()
        self._file: BinaryIO | None = None
        self._pid = 0

    def acquire(self, timeout: float) -> bool:
        """Wait for the lock, at most ``timeout`` seconds. Whether we hold it now."""
        if not self._needed:
            return True
        if self._file is None or self._pid != os.getpid():
            if self._file is not None:
                self._file.close()  # opened before a fork: it is the parent's too, and so is its lock
            self._file, self._pid = open_lock(self._path, self._replica_path), os.getpid()
        return _acquired(self._file, timeout, _WRITER_LOOKS_EVERY_S)

    def release(self) -> None:
        """Let the next process write."""
        if self._file is not None and self._pid == os.getpid():
            unlock(self._file)

    def close(self) -> None:
        if self._file is not None and self._pid == os.getpid():
            self._file.close()
        self._file = None


def _acquired(file: BinaryIO, timeout: float, look_every_s: float) -> bool:
    give_up_at = time.monotonic() + timeout  # neither kind of lock knows a timeout
    while not try_lock(file):
        if time.monotonic() >= give_up_at:
            return False
        time.sleep(look_every_s)
    return True
