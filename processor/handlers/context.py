"""What a handler knows of its job, and what it can say about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter

from ledger.errors import LedgerError
from processor.handlers.outcome import write_json

if TYPE_CHECKING:
    from processor.work.attempt import Attempt

P = ParamSpec("P")
R = TypeVar("R")


class JobCancelled(LedgerError):
    """The attempt was asked to stop: its job was cancelled, it ran out of time, or its processor stops or lost it.

    Raised in the handler, which should let it pass. What is recorded depends on the reason, not on the handler.
    """


class JobLog:
    """A job's own log: its lines become part of the ledger. Messages are formatted with ``%``, as in ``logging``."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def debug(self, message: str, *args: object) -> None:
        self._write("debug", message, args)

    def info(self, message: str, *args: object) -> None:
        self._write("info", message, args)

    def warning(self, message: str, *args: object) -> None:
        self._write("warning", message, args)

    def error(self, message: str, *args: object) -> None:
        self._write("error", message, args)

    def _write(self, level: str, message: str, args: tuple[object, ...]) -> None:
        self._attempt.reports.line(level, str(message) % args if args else str(message))
        self._attempt.announce()


class JobContext:
    """The job as its handler sees it, for the length of one attempt. All of it may be used from any thread."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    @property
    def log(self) -> JobLog:
        """The job's own log."""
        return JobLog(self._attempt)

    @property
    def id(self) -> UUID:
        return UUID(self._attempt.job.job_id)

    @property
    def name(self) -> str:
        return self._attempt.handler.name

    @property
    def namespace(self) -> str:
        return self._attempt.request.namespace

    @property
    def owner(self) -> str:
        """Whose job it is."""
        return self._attempt.job.owner

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._attempt.job.attempt

    @property
    def requested_at(self) -> datetime:
        """When the request reached the server, by its clock."""
        return self._attempt.job.requested_at

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was asked to stop, for whatever reason."""
        return self._attempt.must_stop is not None

    def raise_if_cancelled(self) -> None:
        """Raise JobCancelled if this attempt was asked to stop. Plain functions should call it now and then."""
        reason = self._attempt.must_stop
        if reason is not None:
            raise JobCancelled(f"attempt {self.attempt} of job {self._attempt.job.job_id} has to stop: {reason.value}")

    def progress(self, percent: float | None = None, message: str | None = None, data: Any = None) -> None:
        """Say how far it is: ``percent`` from 0 to 100 (what lies outside is moved to the border), a text, any JSON.

        Reports that follow each other quickly are sent as one, the last. The last before the end is always sent.
        Raises InvalidEvent where ``data`` cannot be written as JSON.
        """
        self._attempt.reports.progress(percent, message, data)
        self._attempt.announce()

    def step(self, name: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a part of the job once: call ``function``, record what it returns, and return that.

        Where an earlier attempt has completed a step of this name, its result is returned and nothing is called. The
        result is in the ledger before this returns. It comes back as JSON gives it, read as the type that ``function``
        is annotated to return: every attempt sees the same value. A name stands for one piece of work of the job.

        For plain functions; an async handler uses ``step_async``. Raises JobCancelled where this attempt is over, and
        InvalidEvent where the result cannot be recorded.
        """
        if self._attempt.loop_thread.is_here():
            raise LedgerError(
                "job.step would block the event loop", hint="in an async handler: await job.step_async(...)"
            )
        known = self._attempt.steps.get(name)
        if known is None:
            known = write_json(function(*args, **kwargs), what=f"the result of step {name!r}")
            self._attempt.record_step(name, known).result()
        return cast("R", _read_result(function, known))

    async def step_async(
        self, name: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """As ``step``, for async handlers and async functions."""
        known = self._attempt.steps.get(name)
        if known is None:
            known = write_json(await function(*args, **kwargs), what=f"the result of step {name!r}")
            await asyncio.wrap_future(self._attempt.record_step(name, known))
        return cast("R", _read_result(function, known))


def _read_result(function: Callable[..., Any], text: str) -> Any:
    hints = get_type_hints(function, include_extras=True) if hasattr(function, "__annotations__") else {}
    return _adapter(hints.get("return", Any)).validate_json(text)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
