"""Plain handlers, in threads."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from processor.executors.daemons import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.executors.loop_thread import LoopThread
    from processor.handlers.call import CallEnd, HandlerCall

logger = logging.getLogger(__name__)


class ThreadExecutor:
    """Runs each call in one of up to ``limit`` threads. What runs in a thread cannot be interrupted."""

    def __init__(self, loop_thread: LoopThread, limit: int) -> None:
        self._loop_thread = loop_thread
        self._process = loop_thread.process
        self._threads = Threads(limit)

    def start(self, call: HandlerCall, ended: Callable[[CallEnd], object]) -> None:
        """Run this call in a thread."""
        self._threads.submit(partial(self._run, call, ended))

    def interrupt(self, call: HandlerCall) -> bool:  # noqa: ARG002  # no call can be
        """Nothing can be done: the function has to look for itself."""
        return False

    def close(self) -> None:
        """Let each thread end after the call that it has."""
        self._threads.close()

    def _run(self, call: HandlerCall, ended: Callable[[CallEnd], object]) -> None:
        call.begun = True
        try:
            value = call.function(call.params, call.context)
            self._process.end_child()
            end = call.end_of(value)
        except BaseException as error:
            self._process.end_child(error)
            end = call.end_of_error(error)
        if not self._loop_thread.post(ended, end):
            logger.warning("job %s: returned after the processor had ended", call.context.id)
