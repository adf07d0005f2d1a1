"""A job as this file knows it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from uuid import UUID

import ledger.errors
import ledger.model  # for hints: what is in there is imported when somebody asks
from client_sync.file.valid_request import ValidRequest
from client_sync.file.values import parse_time

if TYPE_CHECKING:
    import ledger.model.data

Status: TypeAlias = Literal["pending", "running", "completed", "failed", "cancelled", "refused"]
Standing: TypeAlias = Literal["saved", "accepted", "synced", "refused"]
Shown: TypeAlias = Literal[
    "saved", "accepted", "refused", "scheduled", "pending", "running", "retrying", "cancelling",
    "completed", "failed", "cancelled",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """The last report of the current attempt. ``percent`` is from 0 to 100 where the handler gave one."""

    percent: float | None = None
    message: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An own event that the server did not take: a request, or a cancel.

    ``code`` is one of ``ledger.model.protocol.RefusalCode``; ``detail`` says what is wrong.
    """

    event_id: UUID
    job_id: UUID
    type: str
    code: str
    detail: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """One job, at one moment.

    ``status`` is what the events in this file add up to. ``standing`` is how far the server knows of the request:
    ``saved`` (here only), ``accepted`` (it has it), ``synced`` (it is in the ledger) or ``refused``. ``shown`` joins
    the two into the one word to show a person. Times are aware; ``finished_at`` is set once the server has ended the
    job, and until then its status may still change.
    """

    id: UUID
    name: str | None
    namespace: str
    status: Status
    standing: Standing
    shown: Shown
    priority: int = 0
    attempt: int = 0
    owner: str | None = None
    key: str | None = None
    requested_at: datetime | None = None
    run_at: datetime | None = None
    expires_at: datetime | None = None
    started_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    finished_at: datetime | None = None
    labels: dict[str, Any] = field(default_factory=dict)
    progress: Progress | None = None
    result: Any = None
    error: ledger.model.data.JobError | None = None
    refusal: Refusal | None = None
    unreadable: tuple[str, ...] = ()
    """What is stored of it, past all checks, and cannot be read: it is shown as absent, and an id as all zeros."""

    @property
    def finished(self) -> bool:
        """Whether nothing about this job will change any more, as far as the server has said."""
        return self.finished_at is not None or self.status == "refused"


class JobFailed(ledger.errors.JobFailed):
    """A job that was waited for failed, was cancelled, or was refused. ``job`` says everything about it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(f"job {job.id} ({job.name}) {_ending(job)}")


def saved_job(job_id: UUID, request: ValidRequest, owner: str | None, at: datetime) -> Job:
    """A new job as its request makes it, without reading it back. ``at`` is when it was appended."""
    name, text, given = request
    if given is None:
        return Job(job_id, name, "default", "pending", "saved", "saved", owner=owner, requested_at=at)
    return Job(
        id=job_id,
        name=name,
        namespace=given.namespace,
        status="pending",
        standing="saved",
        shown="saved",
        priority=given.priority,
        owner=owner,
        key=given.key,
        requested_at=at,
        run_at=None if given.run_at is None else parse_time("run_at", given.run_at),
        expires_at=None if given.expires_at is None else parse_time("expires_at", given.expires_at),
        labels=json.loads(text).get("labels", {}) if given.labels else {},
    )


def _ending(job: Job) -> str:
    if job.refusal is not None:
        return f"was refused: {job.refusal.detail}"
    if job.error is not None:
        return f"{job.status}: {job.error.type}: {job.error.message}"
    return "was cancelled" if job.status == "cancelled" else job.status
