"""One sync per file at a time, across threads and processes: a locked side file, which a crash frees."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from ledger.errors import Conflict, LedgerError

_LOOK_EVERY_S: Final = 0.02


class SyncBusy(Conflict):
    """Another thread or process has been syncing this file for longer than we were willing to wait."""


@contextmanager
def sync_lock(replica_path: Path, *, timeout: float) -> Iterator[None]:
    """Hold ``<file>-sync.lock`` for the block.

    Raises SyncBusy after waiting ``timeout`` seconds, and LedgerError at once where the side file cannot be written.

    The side file stays: taking it away would let two processes lock two files of the same name.
    """
    give_up_at = time.monotonic() + timeout
    with _side_file(replica_path) as file:
        # flock belongs to the open file, so threads of one process exclude each other too. It knows no timeout.
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    raise SyncBusy(
                        f"{replica_path} is being synced by someone else", hint="it is up to date when they are done"
                    ) from None
                time.sleep(_LOOK_EVERY_S)
        yield


def _side_file(replica_path: Path) -> BinaryIO:
    path = Path(f"{replica_path}-sync.lock")
    try:
        return path.open("ab")
    except OSError as error:
        raise LedgerError(
            f"cannot write {path}: {error.strerror}", hint="check the rights of the file and its folder"
        ) from error
