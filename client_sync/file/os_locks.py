"""Locks on open files, which a crash frees: flock where there is one, and on Windows a locked byte.

Both belong to the open file, so threads of one process exclude each other too.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: BinaryIO) -> bool:
        """Lock the file, if it is not locked. Whether this open file has the lock now."""
        os.lseek(file.fileno(), 0, os.SEEK_SET)  # the byte to lock, which need not be there
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def unlock(file: BinaryIO) -> None:
        """Free the lock. Closing the file does so as well, but on Windows perhaps later."""
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

    def is_locked(file: BinaryIO) -> bool:
        """Whether another open file has the lock. Windows tells only by locking, so this locks it for a moment."""
        if not try_lock(file):
            return True
        unlock(file)
        return False

else:
    import fcntl

    def try_lock(file: BinaryIO) -> bool:
        """Lock the file, if it is not locked. Whether this open file has the lock now."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: BinaryIO) -> None:
        """Free the lock, even if a forked child still has the file open."""
        fcntl.flock(file, fcntl.LOCK_UN)

    def is_locked(file: BinaryIO) -> bool:
        """Whether another open file has the lock. Others can lock the file meanwhile."""
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
        return False
