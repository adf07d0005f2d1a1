"""Which files the demo takes: those that can be read, and read again, whatever folder it is given."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LedgerError

LARGEST: Final = 16 * 1024 * 1024
MOST_LOOKED_AT: Final = 100_000
"""A folder can have any number of files: those of the kernel, or all of somebody's."""
PASSED_OVER: Final = {"__pycache__", "site-packages", ".git"}

Fingerprint = tuple[int, int, int]


@dataclass(frozen=True)
class Files:
    """What was found, in a stable order, and why how many were left out."""

    paths: list[Path]
    left_out: dict[str, int]


def find_files(folder: Path, limit: int) -> Files:
    """At most ``limit`` files below a folder. Raises LedgerError where there is none."""
    found: list[Path] = []
    left_out: Counter[str] = Counter()
    for looked_at, path in enumerate(_walk(folder.resolve(), left_out)):
        if len(found) == limit or looked_at == MOST_LOOKED_AT:
            break
        if why := _unfit(path):
            left_out[why] += 1
        else:
            found.append(path)
    if not found:
        reasons = f" ({describe_left_out(left_out)})" if left_out else ""
        raise LedgerError(f"no file in {folder} can be counted{reasons}", hint="name a folder of ordinary files")
    return Files(found, dict(left_out))


def describe_left_out(left_out: dict[str, int]) -> str:
    return ", ".join(f"{n} {why}" for why, n in sorted(left_out.items()))


def fingerprint(path: Path) -> Fingerprint | None:
    """What changes when the file does; None if it is gone or out of reach."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _walk(folder: Path, left_out: Counter[str]) -> Iterator[Path]:
    def refused(_: OSError) -> None:
        left_out["folders not readable"] += 1

    for place, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(set(folders) - PASSED_OVER)
        for name in sorted(names):
            yield Path(place, name)


def _unfit(path: Path) -> str | None:
    """Why this file is left out. The kernel's own have no size, or not the one that they say."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "links and devices"
        if found.st_size == 0:
            return "empty"
        if found.st_size > LARGEST:
            return f"larger than {LARGEST // 1024**2} MB"
        str(path).encode("utf-8")
        # O_NONBLOCK: opening a pipe must not wait for its writer
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return None if len(file.read(found.st_size + 1)) == found.st_size else "not ordinary"
    except OSError:
        return "not readable"
    except UnicodeEncodeError:
        return "with a name that is not UTF-8"
