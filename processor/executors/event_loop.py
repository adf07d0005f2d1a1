"""Async handlers, as tasks of the service's event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from processor.handlers.stopping import JobCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.executors.loop_thread import LoopThread
    from processor.handlers.call import CallEnd, HandlerCall


class EventLoopExecutor:
    """Runs each call as a task."""

    def __init__(self, loop_thread: LoopThread) -> None:
        self._loop = loop_thread.loop
        self._process = loop_thread.process
        self._tasks: dict[HandlerCall, asyncio.Task[None]] = {}

    def start(self, call: HandlerCall, ended: Callable[[CallEnd], object]) -> None:
        """Run this call as a task."""
        self._tasks[call] = self._loop.create_task(self._run(call, ended))

    def interrupt(self, call: HandlerCall) -> bool:
        """Cancel the call's task."""
        task = self._tasks.get(call)
        # a task that has not begun would end without a word; it looks for itself when it begins
        if task is not None and call.begun:
            task.cancel()
        return True

    def close(self) -> None:
        """Nothing is held but the tasks, which are the loop's."""

    async def _run(self, call: HandlerCall, ended: Callable[[CallEnd], object]) -> None:
        call.begun = True
        try:
            if call.must_stop() is not None:
                raise JobCancelled("stopped before it began")
            value = await call.function(call.params, call.context)
            self._process.end_child()
            end = call.end_of(value)
        except BaseException as error:
            self._process.end_child(error)
            if issubclass(type(error), GeneratorExit) and not self._is_current(call):
                raise  # this coroutine is closed from outside, and may do nothing any more
            end = call.end_of_error(error)
        del self._tasks[call]
        ended(end)

    def _is_current(self, call: HandlerCall) -> bool:
        try:
            return asyncio.current_task() is self._tasks[call]
        except RuntimeError:
            return False
