"""Plain handlers, in threads.

The standard executor waits for its threads when the interpreter ends; a job that cannot be killed would then keep the
process from ending. These threads are daemons: whoever stops the service decides how long it waits for them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from processor.handlers.describe import type_name

if TYPE_CHECKING:
    from processor.executors.loop_thread import LoopThread
    from processor.handlers.call import CallEnd, HandlerCall

Work: TypeAlias = Callable[[], None]
logger = logging.getLogger(__name__)


class Threads:
    """Up to ``limit`` daemon threads, made as they are needed. Work that raises is logged, and costs no thread."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def submit(self, work: Work) -> None:
        """Run ``work`` as soon as a thread is free. To be called from one thread only."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._limit:
            thread = threading.Thread(target=self._serve, name=f"job-{len(self._threads) + 1}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Let each thread end after the work it has. Does not wait for them."""
        for _ in self._threads:
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except BaseException as error:
                # only its type: a description is code of the error's own
                logger.critical("work for a thread raised %s", type_name(error))
            del work  # nothing of a finished job may live on while the thread waits
            self._idle.release()


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
