"""A stand-in for Windows, for machines that are none: this process loses what Windows lacks, and gets its ways.

Gone are the modules and functions of POSIX; files that are open can be neither removed nor renamed; a folder cannot be
opened, nor a socket duplicated as a file; ``select`` is the only selector; ``msvcrt`` locks bytes with locks of Linux
that belong to the open file, as those of Windows do. What is not here: Windows' paths, its rights, and its time.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import os
import selectors
import signal
import stat
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

OURS: Final = ("ledger", "client_sync", "processor", "jobledger")
_MODULES: Final = ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "uvloop")
_FUNCTIONS: Final = {
    os: (
        "chown", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups", "getuid", "killpg",
        "lchown", "mkfifo", "register_at_fork", "sched_getaffinity", "setgroups", "setsid", "setuid", "statvfs",
        "O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW",
    ),
    signal: ("SIGHUP", "SIGQUIT", "SIGSTOP", "SIGCONT", "pthread_sigmask", "SIG_BLOCK", "SIG_SETMASK"),
}  # fmt: skip


def become_windows() -> None:
    """From now on; to be called before anything of ours is in use. What others import is imported by then."""
    for name in modules():
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    for module in _MODULES:
        sys.modules[module] = None  # type: ignore[assignment]  # which is how an import of it fails
    for owner, names in _FUNCTIONS.items():
        for name in names:
            vars(owner).pop(name, None)
    vars(signal).update(SIGBREAK=signal.SIGUSR1)
    vars(os).update(O_BINARY=0)
    vars(selectors).update(DefaultSelector=selectors.SelectSelector)
    proactor = type("ProactorEventLoop", (asyncio.SelectorEventLoop,), {})
    vars(asyncio).update(ProactorEventLoop=proactor, new_event_loop=proactor)  # which psycopg refuses
    for name in ("remove", "rename", "replace", "unlink"):
        setattr(os, name, _unless_open(getattr(os, name)))
    os.open = _for_ours(os.open, _refuse_folder)
    os.dup = _for_ours(os.dup, _refuse_socket)
    sys.modules["msvcrt"] = _msvcrt()
    sys.platform = "win32"


def modules() -> list[str]:
    """Every module of ours, by its name."""
    root = Path(__file__).parents[2]
    files = [file.relative_to(root) for package in OURS for file in sorted((root / package).rglob("*.py"))]
    names = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
    return [name for name in names if not name.endswith("__main__")]


def _msvcrt() -> ModuleType:
    module = ModuleType("msvcrt")

    def locking(handle: int, mode: int, size: int) -> None:
        readable_only = fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        kind = fcntl.F_UNLCK if mode == 0 else fcntl.F_RDLCK if readable_only else fcntl.F_WRLCK
        try:
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack("hhqqi0q", kind, os.SEEK_CUR, 0, size, 0))
        except OSError as error:
            raise PermissionError(13, "Permission denied") from error

    vars(module).update(locking=locking, LK_UNLCK=0, LK_NBLCK=2)
    return module


def _unless_open(change: Callable[..., None]) -> Callable[..., None]:
    def unless_open(path: Any, *more: Any, **options: Any) -> None:
        found = os.stat(path, dir_fd=options.get("dir_fd"), follow_symlinks=False)
        for handle in Path("/proc/self/fd").iterdir():
            try:
                is_this = os.path.samestat(os.fstat(int(handle.name)), found)
            except OSError:
                continue
            if is_this:
                raise PermissionError(13, "it is being used by another process", path)
        change(path, *more, **options)

    return unless_open


def _for_ours(function: Callable[..., Any], refuse: Callable[[Any], None]) -> Callable[..., Any]:
    """Python's own modules are here as on Linux, and rely on it."""

    def checked(what: Any, *more: Any, **options: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] in OURS:
            refuse(what)
        return function(what, *more, **options)

    return checked


def _refuse_folder(path: Any) -> None:
    if Path(path).is_dir():
        raise PermissionError(13, "Permission denied", path)


def _refuse_socket(handle: int) -> None:
    if stat.S_ISSOCK(os.fstat(handle).st_mode):
        raise OSError(9, "Bad file descriptor")
