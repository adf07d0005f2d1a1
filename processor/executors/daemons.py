"""Daemon threads: whoever stops the service decides how long it waits for them.

The standard library's pool waits for its threads when the interpreter ends. A function that does not return, and cannot
be stopped, would then keep the process from ending.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Final, ParamSpec, TypeAlias, TypeVar

from processor.handlers.describe import type_name

Work: TypeAlias = Callable[[], None]
P = ParamSpec("P")
R = TypeVar("R")
logger = logging.getLogger(__name__)

DEFAULT_LIMIT: Final = min(32, (os.cpu_count() or 1) + 4)
"""As many threads as the default executor of asyncio has."""


class Threads:
    """Up to ``limit`` daemon threads, made as they are needed. Work that raises is logged, and costs no thread."""

    def __init__(self, limit: int, *, name: str = "job") -> None:
        self._limit = limit
        self._name = name
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def submit(self, work: Work) -> None:
        """Run ``work`` as soon as a thread is free. To be called from one thread only."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._limit:
            name = f"{self._name}-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
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


class DaemonPool(ThreadPoolExecutor):
    """The default executor of an event loop, where ``asyncio.to_thread`` runs. To be used by that loop only.

    asyncio takes nothing but a ``ThreadPoolExecutor``; this one never starts the threads of that class.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        super().__init__(limit)
        self._daemons = Threads(limit, name="to-thread")
        self._closed = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As ``Executor.submit``."""
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[R] = Future()
        self._daemons.submit(partial(_complete, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # it never waits
        """Let each thread end after the work it has."""
        if not self._closed:
            self._closed = True
            self._daemons.close()


def _complete(future: Future[R], call: Callable[[], R]) -> None:
    try:
        if future.set_running_or_notify_cancel():
            future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
    finally:
        del future  # its error refers to this frame
