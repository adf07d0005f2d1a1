"""Handlers by name: what a processor can run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from processor.handlers.handler import Handler
from processor.handlers.outcome import Permanent
from processor.handlers.retry import RetryPolicy
from processor.handlers.signature import InvalidHandler, adapt, request_type

F = TypeVar("F", bound=Callable[..., Any])
MAX_NAME_CHARS: Final = 200


@dataclass(slots=True)
class Registry:
    """The handlers of a processor.

    Example:

        jobs = Registry()

        @jobs.handler("count-words", max_attempts=3, timeout=30)
        def count_words(params: CountParams, job: JobContext) -> Counts: ...
    """

    _handlers: dict[str, Handler] = field(default_factory=dict)

    def handler(
        self,
        name: str,
        *,
        max_attempts: int | None = None,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        no_retry: Iterable[type[Exception]] = (),
        on_timeout: Literal["wait", "abandon"] = "wait",
    ) -> Callable[[F], F]:
        """Register the decorated function for the jobs of this name, and leave it as it is.

        The function takes (params, job), (params), (job) or nothing; the annotation of ``params`` is what the
        parameters are validated as: a pydantic model, a dataclass, or a dict where there is none.
        ``timeout`` is in seconds an attempt; errors of the types in ``no_retry`` fail the job at once.

        A function that goes on after its time cannot be stopped from outside. By default its attempt waits for it,
        shown as "timed out, stopping", so that no two run side by side. ``on_timeout="abandon"`` ends the attempt at
        once, and the next one may start while the function still runs. Its place is taken until it returns, either way.
        Raises InvalidHandler.
        """

        def register(function: F) -> F:
            if on_timeout not in ("wait", "abandon"):
                raise InvalidHandler(f"handler {name!r}: on_timeout is 'wait' or 'abandon', not {on_timeout!r}")
            self._add(name, function, max_attempts, timeout, retry, (Permanent, *no_retry), on_timeout == "abandon")
            return function

        return register

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        max_attempts: int | None,
        timeout: float | None,
        retry: RetryPolicy | None,
        no_retry: tuple[type[Exception], ...],
        abandons: bool,
    ) -> None:
        if not 1 <= len(name) <= MAX_NAME_CHARS:
            raise InvalidHandler(f"the name of a handler has 1 to {MAX_NAME_CHARS} characters, not {len(name)}")
        if name in self._handlers:
            taken = self._handlers[name].function
            raise InvalidHandler(f"two handlers are named {name!r}: {taken!r} and {function!r}")
        if max_attempts is not None and max_attempts < 1:
            raise InvalidHandler(f"handler {name!r}: max_attempts must be 1 or more")
        if timeout is not None and timeout <= 0:
            raise InvalidHandler(f"handler {name!r}: timeout must be more than 0 seconds")
        if (
            not inspect.isroutine(function)
            or inspect.isgeneratorfunction(function)
            or inspect.isasyncgenfunction(function)
        ):
            raise InvalidHandler(f"handler {name!r}: {function!r} is not a plain or async function")
        call, params = adapt(name, function)
        self._handlers[name] = Handler(
            name=name,
            function=function,
            call=call,
            is_async=inspect.iscoroutinefunction(function),
            request_type=request_type(name, params),
            max_attempts=max_attempts,
            timeout_s=timeout,
            retry=retry,
            no_retry=no_retry,
            abandons=abandons,
        )

    def find(self, name: str) -> Handler:
        """The handler for the jobs of this name. Raises KeyError where there is none."""
        return self._handlers[name]

    def names(self, *, is_async: bool | None = None) -> list[str]:
        """The names, sorted; only those of async or of plain functions where that is asked."""
        return sorted(h.name for h in self if is_async is None or h.is_async == is_async)

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers.values())

    def __len__(self) -> int:
        return len(self._handlers)
