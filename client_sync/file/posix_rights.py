"""Who may use a file, and what stands beside it.

A new file is its maker's alone. An existing one stays its owner's and its group's, and what stands beside it is for
those who may write it, so that users who share a file by its group still can.

SQLite gives the log and its index the file's mode, and for root its owner as well; the group is left to us.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from ledger.errors import LedgerError

_HINT: Final = "check the rights of the file and its folder"
assert sys.platform != "win32"
_OPEN: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class _Rights(NamedTuple):
    """Whose a file is, and the mode of a lock beside it: for each class, all or nothing, as that class may write."""

    owner: int
    group: int
    mode: int


def make_new(path: Path) -> None:
    """Make an empty file for this user alone, unless there is one. Raises LedgerError where that cannot be."""
    try:
        _make(Path(os.path.realpath(path)), _Rights(os.geteuid(), -1, 0o600))
    except OSError as error:
        raise LedgerError(f"cannot open {path}: {error.strerror}", hint="check the path and its rights") from error


def open_lock(lock: Path, file: Path) -> BinaryIO:
    """The lock beside a file, open, and made where it is missing.

    Locking needs no more than an open file: so a stranger must not be able to open it, nor to have made it. Raises
    LedgerError where it cannot be opened, or is a stranger's.
    """
    try:
        rights = _rights_beside(file)
        try:
            handle = os.open(lock, _OPEN)
        except FileNotFoundError:
            _make(lock, rights)
            handle = os.open(lock, _OPEN)
    except OSError as error:
        raise LedgerError(f"cannot write {lock}: {error.strerror}", hint=_HINT) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise LedgerError(f"cannot write {lock}: it is no file", hint="take it away")
        if not _is_trusted(found, rights):
            raise LedgerError(
                f"{lock} belongs to user {found.st_uid}, who may not write {file.name}",
                hint="find out why; take it away",
            )
        if found.st_size == 0 and found.st_nlink == 1:  # else it is another file too
            _set(handle, found, rights)
        return os.fdopen(handle, "r+b")
    except BaseException:
        with suppress(OSError):
            os.close(handle)
        raise


def share(path: Path) -> None:
    """Give the log and its index to the group of the file, where they are this user's."""
    with suppress(OSError):
        group = path.stat().st_gid
        for side in ("-wal", "-shm"):
            beside = path.with_name(path.name + side)
            found = beside.lstat()
            if found.st_gid != group and found.st_uid == os.geteuid() and stat.S_ISREG(found.st_mode):
                os.chown(beside, -1, group, follow_symlinks=False)


def _rights_beside(file: Path) -> _Rights:
    try:
        found = file.stat()
    except FileNotFoundError:
        return _Rights(os.geteuid(), -1, 0o600)
    shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return _Rights(found.st_uid, found.st_gid, 0o600 | shared | shared << 1)


def _is_trusted(found: os.stat_result, rights: _Rights) -> bool:
    """Whether it was made by someone who may write the file: a lock of the file's group was made by one of it."""
    if found.st_uid in (os.geteuid(), 0, rights.owner) or rights.mode & stat.S_IWOTH:
        return True
    return bool(rights.mode & stat.S_IWGRP) and found.st_gid == rights.group


def _make(path: Path, rights: _Rights) -> None:
    """Make an empty file. It has these rights when it appears, and is closed by then: see ``inspect_header``."""
    unnamed = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    handle = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            _set(handle, os.fstat(handle), rights)
        finally:
            os.close(handle)
        with suppress(FileExistsError):
            try:
                os.link(unnamed, path)
            except FileExistsError:
                raise
            except OSError:  # a file system without links
                os.close(os.open(path, _OPEN | os.O_CREAT | os.O_EXCL, 0o600))
    finally:
        unnamed.unlink()


def _set(handle: int, found: os.stat_result, rights: _Rights) -> None:
    mode = rights.mode
    owner = rights.owner if os.geteuid() == 0 else -1
    if (found.st_uid, found.st_gid) != (rights.owner, rights.group):
        try:
            os.fchown(handle, owner, rights.group)
        except OSError:  # not a member of that group: then no group may use it
            mode &= ~(stat.S_IRGRP | stat.S_IWGRP) if found.st_uid == os.geteuid() else ~0
    if stat.S_IMODE(found.st_mode) != mode:
        with suppress(OSError):
            os.fchmod(handle, mode)
