"""How the command line shows jobs and exchanges, to people and to programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from client_sync.file.job import Job
from jobledger.console.output import say_aside, shorten

if TYPE_CHECKING:
    from datetime import datetime

    from client_sync.client import JobClient
    from client_sync.sync.result import SyncResult


def job_row(job: Job) -> dict[str, Any]:
    """A job as the JSON object that ``--json`` prints."""
    row = {"job_id": job.id, **asdict(job)}
    del row["id"]
    if not job.unreadable:
        del row["unreadable"]
    row["error"] = None if job.error is None else job.error.model_dump()
    return row


def job_lines(job: Job) -> list[dict[str, Any]]:
    """What is known of a job, one line for each thing."""
    return [{"what": key, "is": _cell(value)} for key, value in job_row(job).items() if value not in (None, {})]


def waits_for(jobs: JobClient, job: Job, now: datetime) -> str | None:
    """Why a pending job does not start yet, as far as this file knows: a ``WaitingReason`` as a rule."""
    if job.status != "pending" or (job.run_at is None and job.attempt == 0):
        return None
    if job.run_at is not None and job.run_at <= now:
        return None
    from ledger.model.fold import fold_all

    return fold_all(jobs.history(job.id))[job.id].waits_for


def happening(job: Job) -> str:
    """What there is to say about a job beside its state: its progress, or what is wrong."""
    if job.refusal is not None:
        return shorten(job.refusal.detail, 80)
    if job.error is not None and job.status in ("failed", "pending"):
        return shorten(f"{job.error.type}: {job.error.message}", 80)
    if job.progress is None:
        return ""
    percent = "" if job.progress.percent is None else f"{job.progress.percent:.0f}%"
    return shorten(f"{percent} {job.progress.message or ''}", 80)


def exchange_line(result: SyncResult) -> str:
    """What an exchange did."""
    line = f"pushed {result.pushed}, refused {result.refused}, pulled {result.pulled}"
    if result.forked:
        line += "; this file is a copy, and has a new id now"
    if result.rewound:
        line += "; the server was restored, and was sent again what it had lost"
    elif result.new_epoch:
        line += "; the server began a new epoch, and was read from its start"
    return line


def _cell(value: Any) -> Any:
    return (
        shorten(json.dumps(value, ensure_ascii=False, default=str), 100)
        if isinstance(value, dict | list | tuple)
        else value
    )


def note_trouble(jobs: JobClient) -> None:
    """Say on standard error that the last sync failed, where it did."""
    if jobs.last_error is not None:
        say_aside(f"note: the last sync failed: {jobs.last_error}")
