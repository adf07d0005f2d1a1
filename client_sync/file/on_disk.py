"""That what was written is on disk, on systems where a plain fsync does not say so."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path


def sync_wholly(connection: sqlite3.Connection) -> None:
    """Have SQLite ask macOS for the disk itself: its fsync comes back when the disk has it, perhaps in a cache only."""
    if sys.platform == "darwin":
        connection.execute("pragma fullfsync = on")
        connection.execute("pragma checkpoint_fullfsync = on")


def sync_folder(folder: Path) -> None:
    """Put a file's new name on disk. Windows opens no folder, and its file system keeps a journal of names."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            _sync(handle)
        finally:
            os.close(handle)


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
    else:
        os.fsync(handle)
