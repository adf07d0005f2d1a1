"""The event loop of a processor of its own: which one, and that handlers cannot end it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from processor.executors.daemons import DaemonPool
from processor.handlers.describe import type_name

logger = logging.getLogger(__name__)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` to its end: on uvloop where it is installed, which saves a tenth of the processor's CPU.

    asyncio ends the loop when a task or callback raises SystemExit or KeyboardInterrupt. A handler may have made that
    task, so the loop goes on here. At the end, threads of ``asyncio.to_thread`` are not waited for.
    """
    make: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if sys.platform == "win32":
        make = asyncio.SelectorEventLoop  # psycopg cannot use the usual one
    with suppress(ImportError):
        import uvloop

        make = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        loop = runner.get_loop()
        loop.set_default_executor(DaemonPool())
        task = loop.create_task(main)
        while True:
            try:
                return loop.run_until_complete(task)
            except BaseException as error:
                if task.done() or loop.is_closed():
                    raise
                logger.error("a handler's task or callback raised %s, which ends nothing", type_name(error))
