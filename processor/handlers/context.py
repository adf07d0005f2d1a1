"""What a handler knows of its job, and what it can say about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

from ledger.errors import LedgerError
from ledger.ports.store import Claimed
from processor.handlers.channel import JobChannel
from processor.handlers.json_text import write_json
from processor.handlers.steps import read_result
from processor.handlers.stopping import JobCancelled

P = ParamSpec("P")
R = TypeVar("R")


class JobLog:
    """A job's own log: its lines become part of the ledger. Messages are formatted with ``%``, as in ``logging``."""

    __slots__ = ("_write_line",)

    def __init__(self, write_line: Callable[[str, str], object]) -> None:
        self._write_line = write_line

    def debug(self, message: str, *args: object) -> None:
        """Add a line of this level."""
        self._write("debug", message, args)

    def info(self, message: str, *args: object) -> None:
        """Add a line of this level."""
        self._write("info", message, args)

    def warning(self, message: str, *args: object) -> None:
        """Add a line of this level."""
        self._write("warning", message, args)

    def error(self, message: str, *args: object) -> None:
        """Add a line of this level."""
        self._write("error", message, args)

    def _write(self, level: str, message: str, args: tuple[object, ...]) -> None:
        self._write_line(level, str(message) % args if args else str(message))


class JobContext:
    """The job as its handler sees it, for the length of one attempt. All of it may be used from any thread."""

    __slots__ = ("_channel", "_job", "_namespace")

    def __init__(self, job: Claimed, namespace: str, channel: JobChannel) -> None:
        self._job = job
        self._namespace = namespace
        self._channel = channel

    @property
    def log(self) -> JobLog:
        """The job's own log."""
        return JobLog(self._channel.log)

    @property
    def id(self) -> UUID:
        """The job's id, the same in every attempt."""
        return UUID(self._job.job_id)

    @property
    def name(self) -> str:
        """The name by which the job found its handler."""
        return self._job.name

    @property
    def namespace(self) -> str:
        """The namespace that the job was requested in."""
        return self._namespace

    @property
    def owner(self) -> str:
        """Whose job it is."""
        return self._job.owner

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self._job.attempt

    @property
    def requested_at(self) -> datetime:
        """When the request reached the server, by its clock."""
        return self._job.requested_at

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was asked to stop, for whatever reason."""
        return self._channel.must_stop() is not None

    def raise_if_cancelled(self) -> None:
        """Raise JobCancelled if this attempt was asked to stop. Plain functions should call it now and then."""
        reason = self._channel.must_stop()
        if reason is not None:
            raise JobCancelled(f"attempt {self.attempt} of job {self._job.job_id} has to stop: {reason.value}")

    def progress(self, percent: float | None = None, message: str | None = None, data: Any = None) -> None:
        """Say how far it is: ``percent`` from 0 to 100 (what lies outside is moved to the border), a text, any JSON.

        Of reports that follow each other quickly only the last is sent. The last before the end is always sent.
        Raises InvalidEvent where ``data`` cannot be written as JSON.
        """
        self._channel.progress(percent, message, data)

    def step(self, name: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Do a part of the job once: call ``function``, record what it returns, and return that.

        Where an earlier attempt has completed a step of this name, its result is returned and nothing is called. The
        result is in the ledger before this returns. It comes back as JSON gives it, read as the type that ``function``
        is annotated to return: every attempt sees the same value. A name stands for one piece of work of the job.

        For plain functions; an async handler uses ``step_async``. Raises JobCancelled where this attempt is over, and
        InvalidEvent where the result cannot be recorded.
        """
        if not self._channel.may_wait():
            raise LedgerError(
                "job.step would block the event loop", hint="in an async handler: await job.step_async(...)"
            )
        known = self._channel.completed_steps.get(name)
        if known is None:
            known = write_json(function(*args, **kwargs), what=f"the result of step {name!r}")
            self._channel.record_step(name, known).result()
        return cast("R", read_result(function, known))

    async def step_async(
        self, name: str, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """As ``step``, for async handlers and async functions."""
        known = self._channel.completed_steps.get(name)
        if known is None:
            known = write_json(await function(*args, **kwargs), what=f"the result of step {name!r}")
            await asyncio.wrap_future(self._channel.record_step(name, known))
        return cast("R", read_result(function, known))
