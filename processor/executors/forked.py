"""A child process that a handler forks runs the handler's code, and none of the processor's.

The child is a copy, but the attempt is its parent's to end, and the event loop waits on descriptors that both share. So
the child ends where it would return to the processor's code. (Its connections are closed by then: see
``ledger.postgres.forks``.)
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Final
from weakref import WeakSet

NO_WAY_BACK: Final = 1
"""Exit code of a child that returned to the processor's code. One that calls sys.exit has the code that it gives."""
_NEVER_RETURNS: Final = "multiprocessing.popen_fork"
_processes: Final[WeakSet[Process]] = WeakSet()
_held: Final = threading.local()


class Process:
    """The process in which an event loop was started, and its thread. To be made inside of it."""

    __slots__ = ("__weakref__", "_drivers", "_pid", "_thread")

    def __init__(self, *drivers: CodeType) -> None:
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        # what calls callbacks: asyncio's own code, or the caller of uvloop, which has no Python code
        self._drivers = {asyncio.Handle._run.__code__, asyncio.Runner.run.__code__, *drivers}  # no other name
        _processes.add(self)

    def is_here(self) -> bool:
        """Whether the caller is in this process, and not in a child of it."""
        return os.getpid() == self._pid

    def end_child(self, error: BaseException | None = None) -> None:
        """End the process if it is a child, in which a handler has returned or raised this error."""
        if not self.is_here():
            code = getattr(error, "code", None) if type(error) is SystemExit else NO_WAY_BACK
            os._exit(code if isinstance(code, int) else 0 if code is None else NO_WAY_BACK)

    def guard_child(self) -> None:
        """In a child that was forked in the loop's thread: end it when its code gives control back to the loop."""
        if threading.get_ident() != self._thread:
            return
        frame: FrameType | None = sys._getframe()  # the documented way to find the caller
        while frame is not None:
            if frame.f_globals.get("__name__") == _NEVER_RETURNS:
                return
            if frame.f_back is not None and frame.f_back.f_code in self._drivers:
                sys.setprofile(_exit_on_return_of(frame))
                return
            frame = frame.f_back


def _exit_on_return_of(last: FrameType) -> Any:
    # A coroutine returns to the loop also when it waits. What it waits for would be the parent's.
    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "return" and frame is last:
            os._exit(NO_WAY_BACK)

    return watch


if sys.platform != "win32":  # where nothing forks

    def _hold_signals() -> None:
        # Python drops a signal that reaches a child before its interpreter is ready; a blocked one arrives right after.
        _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))

    def _let_signals_come() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)

    def _begin_child() -> None:
        for process in list(_processes):
            process.guard_child()
        _let_signals_come()

    os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals_come, after_in_child=_begin_child)
