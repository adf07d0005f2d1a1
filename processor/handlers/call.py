"""One call of a handler's function, and what its end stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from processor.handlers.describe import drop_first_frame
from processor.handlers.outcome import OUTCOMES, Cancelled, Completed, Failed, Permanent, Retry
from processor.handlers.stopping import JobCancelled, StopReason
from processor.handlers.written import NO_RESULT, WrittenOutcome, describe, write_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from processor.handlers.context import JobContext
    from processor.handlers.handler import Handler

CallEnd: TypeAlias = WrittenOutcome | StopReason
"""How a call ended: an outcome, or that it was asked to stop and did, and why."""


class HandlerCall:
    """A handler's function with its arguments, to be called once, by an executor.

    An executor calls ``function`` with ``params`` and ``context``, and then, in the same place, ``end_of`` or
    ``end_of_error``: these run code of the handler's, which made the result or the error.
    """

    __slots__ = ("begun", "context", "function", "must_stop", "no_retry", "params")

    def __init__(
        self, handler: Handler, params: Any, context: JobContext, must_stop: Callable[[], StopReason | None]
    ) -> None:
        self.function: Final = handler.call
        self.no_retry: Final = handler.no_retry
        self.params: Final = params
        self.context: Final = context
        self.must_stop: Final = must_stop
        self.begun = False
        """Whether an executor has got as far as the function."""

    def end_of(self, value: Any) -> CallEnd:
        """What the function's return value stands for. May raise what the value's own code raises."""
        if value is None:
            return NO_RESULT
        return write_outcome(value if isinstance(value, OUTCOMES) else Completed(value))

    def end_of_error(self, error: BaseException) -> CallEnd:
        """What an error of the function stands for. Raises nothing."""
        return end_of_error(error, self.must_stop(), self.no_retry)


def end_of_error(
    error: BaseException, must_stop: StopReason | None, no_retry: tuple[type[BaseException], ...]
) -> CallEnd:
    """What a handler's error stands for.

    Once an attempt was asked to stop, every error counts as its stopping: cleaning up is not always tidy.
    """
    if must_stop is not None:
        return must_stop
    if issubclass(type(error), JobCancelled):
        return Cancelled()
    drop_first_frame(error)
    if _is_permanent(error, no_retry):
        return Failed(describe(error, retryable=False))
    return Retry(error=describe(error, retryable=True))


def _is_permanent(error: BaseException, no_retry: tuple[type[BaseException], ...]) -> bool:
    try:
        return isinstance(error, no_retry)
    except BaseException:  # the classes are the handler's own, and isinstance runs their code
        return issubclass(type(error), Permanent)
