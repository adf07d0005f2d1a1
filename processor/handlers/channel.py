"""All that a handler's ``JobContext`` needs of the service that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from processor.handlers.stopping import StopReason


class JobChannel(NamedTuple):
    """How the context of one attempt reaches the service that runs it. All of it may be called from any thread.

    ``log`` takes a level and a line, ``progress`` a percentage, a message and any JSON value.
    ``record_step`` takes a step's name and its result as JSON text; its future is done when the step is recorded.
    ``completed_steps`` holds the results of earlier attempts, as JSON text by step.
    ``must_stop`` tells why the attempt has to stop, if it has to. ``may_wait`` tells whether the calling thread may
    wait for a future: the event loop's own may not.
    """

    log: Callable[[str, str], object]
    progress: Callable[[float | None, str | None, Any], object]
    record_step: Callable[[str, str], Future[None]]
    completed_steps: Mapping[str, str]
    must_stop: Callable[[], StopReason | None]
    may_wait: Callable[[], bool]
