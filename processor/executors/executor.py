"""What an executor is: a place where handlers' functions run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from processor.handlers.call import CallEnd, HandlerCall


class Executor(Protocol):
    """Runs handlers' functions. Its methods are called in the event loop's thread."""

    def start(self, call: HandlerCall, ended: Callable[[CallEnd], object]) -> None:
        """Run this call. When it has ended, ``ended`` is called in the event loop's thread, once."""

    def interrupt(self, call: HandlerCall) -> bool:
        """Have a started call stop as soon as it can. False: nothing can, the function has to look for itself."""

    def close(self) -> None:
        """Take no further calls. Does not wait for those that run."""
