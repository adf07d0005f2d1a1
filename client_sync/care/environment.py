"""What a file depends on: the SQLite that reads it, its disk, the log beside it, and who is syncing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from typing import Final

from client_sync.file.lock import has_wal_reset_bug
from client_sync.file.os_locks import is_locked
from ledger.finding import Finding

NO_SPACE_BYTES: Final = 16 << 20
LITTLE_SPACE_BYTES: Final = 256 << 20
LONG_LOG_BYTES: Final = 64 << 20
NETWORK: Final = ("nfs", "cifs", "smb", "afs", "9p", "ceph", "gluster", "lustre", "fuse.sshfs", "fuse.s3", "davfs")


def examine_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Iterator[Finding]:
    """Which SQLite this Python has, and whether it has the bug that can damage a file with several writers."""
    text = ".".join(map(str, version))
    if not has_wal_reset_bug(version):
        yield Finding("ok", "sqlite", f"version {text}")
        return
    yield Finding(
        "note",
        "sqlite",
        f"version {text} can damage a file, very rarely: when a commit meets the checkpoints of two other writers,"
        " pages may be left out (the WAL-reset bug). What writes through jobledger takes turns, and is safe from it",
        "programs that write the file with SQL of their own: use SQLite 3.51.3 or later (or 3.50.7, 3.44.6; a"
        " distribution may have mended its own)",
    )


def examine_disk(path: Path) -> Iterator[Finding]:
    """The space left on the file's disk, and whether it is a local disk."""
    size = path.stat().st_size
    free = disk_usage(path.parent).free
    message = f"{_mb(free)} free, the file has {_mb(size)}"
    if free < NO_SPACE_BYTES:
        yield Finding("fail", "disk", message, "make room: soon nothing more can be saved")
    elif free < max(LITTLE_SPACE_BYTES, size):
        yield Finding("warn", "disk", message, "make room: there is too little for a copy of the file")
    else:
        yield Finding("ok", "disk", message)
    kind = _file_system(path)
    if kind.startswith(NETWORK):
        message = f"the file is on a network file system ({kind}): a write-ahead log needs one machine's memory"
        yield Finding("fail", "disk", message, "move the file to a local disk")


def examine_log(path: Path) -> Finding:
    """How long the write-ahead log has become."""
    journal, log = (path.with_name(path.name + side) for side in ("-journal", "-wal"))
    if journal.exists() and journal.stat().st_size:
        message = f"{journal} is there: some program changed the journal mode, and may have ended half-way"
        return Finding("warn", "log", message, "keep it beside the file: the next opening takes it into account")
    size = log.stat().st_size if log.exists() else 0
    if size > LONG_LOG_BYTES:
        advice = "a reader that never ends its transaction keeps the log from starting anew: find and close it"
        return Finding("warn", "log", f"the write-ahead log has {_mb(size)}", advice)
    return Finding(
        "ok", "log", f"the write-ahead log has {_mb(size)}" if size else "no write-ahead log beside the file"
    )


def examine_lock(path: Path) -> Finding:
    """Whether the file is being synced, and by which process."""
    lock = path.with_name(path.name + "-sync.lock")
    try:
        with lock.open("rb") as file:
            locked = is_locked(file)
    except FileNotFoundError:
        return Finding("ok", "lock", "it was never synced")
    except PermissionError:
        return Finding("note", "lock", "only who may write the file can see whether it is being synced")
    except OSError as error:
        return Finding("warn", "lock", f"cannot look at {lock}: {error.strerror}", "check its rights")
    if locked:
        return Finding("note", "lock", f"it is being synced, by {_holder(lock) or 'another process'}")
    return Finding("ok", "lock", "nobody is syncing it")


def _holder(lock: Path) -> str | None:
    """Who holds the lock, where the system tells (Linux)."""
    try:
        inode = f":{lock.stat().st_ino}"
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            _, kind, *_, pid, file, _, _ = line.split()
            if kind == "FLOCK" and file.endswith(inode):
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
                return f"process {pid} ({name})"
    except (OSError, ValueError):
        return None
    return None


def _file_system(path: Path) -> str:
    """The kind of file system, where the system tells (Linux); else nothing."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    folder = path.resolve().parent
    found = [(len(m[1]), m[2]) for m in mounts if folder.is_relative_to(m[1].replace("\\040", " "))]
    return max(found)[1] if found else ""


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"
