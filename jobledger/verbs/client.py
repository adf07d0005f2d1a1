"""The client's verbs: submit, cancel, show, list, watch, wait, sync. They work on one replica file (``--db``)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from client_sync.client import JobClient
from client_sync.file.job import JobFailed, Status
from client_sync.file.limits import ServerLimits
from client_sync.file.reading import is_replica
from client_sync.file.submission import Submission, request_text
from jobledger.verbs.console import (
    dsn_option,
    emit_json,
    emit_table,
    json_option,
    read_job_id,
    read_json_argument,
    replica_option,
    say,
    say_aside,
)
from jobledger.verbs.display import exchange_line, happening, job_lines, job_row
from ledger.errors import InvalidEvent, LedgerError

if TYPE_CHECKING:
    from client_sync.sync.exchange import SyncResult

_BATCH: Final = 500
_REFUSALS_SHOWN: Final = 10
_LOOK_EVERY_S: Final = 0.5
_LIST_COLUMNS: Final = ("job_id", "name", "shown", "progress", "requested_at")

timeout_option: Final = click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after this time. Default: never."
)
owner_option: Final = click.option(
    "--on-behalf-of",
    envvar="JOBLEDGER_ON_BEHALF_OF",
    metavar="OWNER",
    help="Whose jobs these are. Default: the login's.",
)
follow_option: Final = click.option(
    "--sync", "with_sync", is_flag=True, help="Sync meanwhile; otherwise another process has to."
)


@click.command()
@click.argument("name", required=False)
@click.option("--params", metavar="JSON", help="The job's parameters: JSON, @file, or - for standard input.")
@click.option("--many", metavar="FILE", help="Read requests from FILE (- for standard input), one JSON object a line.")
@click.option("--namespace", default="default", show_default=True, help="Which group of processors runs it.")
@click.option(
    "--priority", type=click.IntRange(-32768, 32767), default=0, show_default=True, help="Higher starts earlier."
)
@click.option("--run-at", metavar="TIME", help="Not before this time, as in 2026-01-31T09:00:00Z.")
@click.option("--key", help="Request nothing while an unfinished job with this key is known.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label; may be given several times.")
@click.option("--max-attempts", type=click.IntRange(min=1), help="How often to try. Default: the handler's choice.")
@click.option("--timeout", type=float, metavar="SECONDS", help="For each attempt. Default: the handler's choice.")
@click.option("--expires-at", metavar="TIME", help="The job fails if it is not finished by then.")
@replica_option
@json_option
def submit(
    name: str | None,
    params: str | None,
    many: str | None,
    namespace: str,
    priority: int,
    run_at: str | None,
    key: str | None,
    labels: tuple[str, ...],
    max_attempts: int | None,
    timeout: float | None,
    expires_at: str | None,
    replica: Path,
    as_json: bool,
) -> None:
    """Request the job NAME, and print its id. It is saved in the file first, online or not.

    With --many, each line is a request with the fields name, params, namespace, priority, run_at, key, labels,
    max_attempts, timeout, expires_at, retry_of, parent and job_id; NAME and the options fill in what it leaves out.
    All lines are checked before the first is saved; then they are saved in batches of 500, and each batch's ids are
    printed when it is on disk.

    \b
    Example:
      jobledger submit count-words --params '{"path": "a.txt"}' --label team=docs
      jobledger submit count-words --many requests.ndjson
    """
    options: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "priority": priority,
        "run_at": run_at,
        "key": key,
        "labels": _labels(labels),
        "max_attempts": max_attempts,
        "timeout": timeout,
        "expires_at": expires_at,
    }
    given = {option: value for option, value in options.items() if value is not None}
    if many is not None:
        if params is not None:
            raise click.UsageError("--params is for one job; with --many, each line has its own params")
        _submit_lines(many, given, replica, as_json)
        return
    if name is None:
        raise click.UsageError("which job? Give its NAME, or --many FILE")
    if params is not None:
        given["params"] = read_json_argument(params, what="--params")
        if not isinstance(given["params"], dict):
            raise InvalidEvent("--params is not a JSON object", hint="""as in --params '{"path": "a.txt"}'""")
    request = Submission.of(given)
    request_text(request, _limits(replica))  # a mistake shows before there is a file
    with JobClient(replica) as jobs:
        (job_id,) = jobs.submit_many([request])
        emit_json(job_row(jobs.get(job_id))) if as_json else say(job_id)


def _submit_lines(source: str, defaults: dict[str, Any], replica: Path, as_json: bool) -> None:
    from jobledger.verbs.requests_file import checked_requests

    with checked_requests(source, defaults, _limits(replica)) as requests, JobClient(replica) as jobs:
        while batch := [*islice(requests, _BATCH)]:
            for job_id in jobs.submit_many(batch):
                emit_json({"job_id": job_id}) if as_json else say(job_id)


@click.command()
@click.argument("job_id")
@click.option("--reason", help="Why; kept with the job's history.")
@replica_option
@json_option
def cancel(job_id: str, reason: str | None, replica: Path, as_json: bool) -> None:
    """Ask for a job to be cancelled, and print what that makes of it. It is saved in the file first, online or not.

    \b
    Example:
      jobledger cancel 0197c0de-0000-7000-8000-000000000001 --reason "wrong file"
    """
    with JobClient(replica, create=False) as jobs:
        job = jobs.cancel(read_job_id(job_id), reason)
    emit_json(job_row(job)) if as_json else say(job.shown)


@click.command()
@click.argument("job_id")
@replica_option
@json_option
def show(job_id: str, replica: Path, as_json: bool) -> None:
    """Show one job as this file knows it, and how far the server knows of it.

    \b
    Example:
      jobledger show 0197c0de-0000-7000-8000-000000000001
    """
    with JobClient(replica, read_only=True) as jobs:
        job = jobs.get(read_job_id(job_id))
        _note_trouble(jobs)
    emit_json(job_row(job)) if as_json else emit_table(job_lines(job), ["what", "is"])


@click.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Only jobs of this status.")
@click.option("--name", help="Only jobs of this name.")
@click.option("--namespace", help="Only jobs of this namespace.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--before", metavar="JOB_ID", help="Go on after this job, the last of the page before.")
@replica_option
@json_option
def list_jobs(
    status: str | None,
    name: str | None,
    namespace: str | None,
    limit: int,
    before: str | None,
    replica: Path,
    as_json: bool,
) -> None:
    """List the jobs of this file, the latest first. With --json, one object a line.

    \b
    Example:
      jobledger list --status running --limit 5
    """
    before_id = None if before is None else read_job_id(before)
    with JobClient(replica, read_only=True) as jobs:
        found = jobs.list(status=status, name=name, namespace=namespace, before=before_id, limit=limit)
        _note_trouble(jobs)
    if as_json:
        for job in found:
            emit_json(job_row(job))
    else:
        emit_table([{**job_row(job), "progress": happening(job)} for job in found], _LIST_COLUMNS)


@click.command()
@click.argument("job_id")
@timeout_option
@follow_option
@dsn_option
@owner_option
@replica_option
@json_option
def watch(
    job_id: str,
    timeout: float | None,
    with_sync: bool,
    dsn: str,
    on_behalf_of: str | None,
    replica: Path,
    as_json: bool,
) -> None:
    """Follow a job until it ends: a line for each change.

    \b
    Example:
      jobledger watch 0197c0de-0000-7000-8000-000000000001 --sync
    """
    with JobClient(replica, dsn, on_behalf_of=on_behalf_of, create=False, read_only=not with_sync) as jobs:
        states = jobs.watch(read_job_id(job_id), timeout=timeout)
        if with_sync:
            jobs.start_sync()
        for job in states:
            emit_json(job_row(job)) if as_json else say(f"{job.shown:<10} {happening(job)}".rstrip())


@click.command()
@click.argument("job_id")
@timeout_option
@follow_option
@dsn_option
@owner_option
@replica_option
@json_option
def wait(
    job_id: str,
    timeout: float | None,
    with_sync: bool,
    dsn: str,
    on_behalf_of: str | None,
    replica: Path,
    as_json: bool,
) -> None:
    """Wait for a job to end, and print its result as JSON; with --json, the whole job.

    The exit code is 5 when the job failed, was cancelled or was refused.

    \b
    Example:
      jobledger wait 0197c0de-0000-7000-8000-000000000001 --timeout 30 --sync
    """
    with JobClient(replica, dsn, on_behalf_of=on_behalf_of, create=False, read_only=not with_sync) as jobs:
        identity = jobs.get(read_job_id(job_id)).id
        if with_sync:
            jobs.start_sync()
        try:
            job = jobs.wait(identity, timeout=timeout)
        except JobFailed as failure:
            if as_json:
                emit_json(job_row(failure.job))
            raise
    emit_json(job_row(job) if as_json else job.result)


@click.command()
@click.option("--watch", "for_ever", is_flag=True, help="Go on until interrupted.")
@click.option("--again", is_flag=True, help="Read the server's log from its start: compacted jobs come back.")
@click.option("--create", is_flag=True, help="Make the file where it is missing.")
@dsn_option
@owner_option
@replica_option
@json_option
def sync(
    for_ever: bool, again: bool, create: bool, dsn: str, on_behalf_of: str | None, replica: Path, as_json: bool
) -> None:
    """Send what is not sent, and fetch what is new; then say what was exchanged.

    A file that is missing is an error, as its name may be mistyped; with --create it is made.

    \b
    Example:
      jobledger sync --db app.db --dsn postgresql://app@db.example.org/jobs
    """
    if for_ever and again:
        raise click.UsageError("--again is for one sync: run it without --watch")
    with JobClient(replica, dsn, on_behalf_of=on_behalf_of, create=create) as jobs:
        if for_ever:
            _sync_for_ever(jobs, as_json)
            return
        from jobledger.verbs.progress_bar import SyncBar

        with SyncBar(jobs.unsent, lambda: jobs.unconfirmed) as bar:
            result = jobs.sync(again=again, report=bar.report)
        _emit_result(result, as_json)
        if result.refused and not as_json:
            for refusal in jobs.refusals(limit=min(result.refused, _REFUSALS_SHOWN)):
                say_aside(f"refused {refusal.type} of {refusal.job_id}: {refusal.detail}")


def _sync_for_ever(jobs: JobClient, as_json: bool) -> None:
    def report(result: SyncResult) -> None:
        _emit_result(result, as_json)

    jobs.start_sync(report=report)
    complained: LedgerError | None = None
    pooled = False
    while True:
        if jobs.sync_pooled and not pooled:
            say_aside("note: through a connection pooler no notification arrives; looking for news often")
        pooled = jobs.sync_pooled
        error = jobs.sync_error
        if error is not None and error is not complained:
            say_aside(f"error: {error.message} ({error.hint})" if error.hint else f"error: {error.message}")
        complained = error
        time.sleep(_LOOK_EVERY_S)


def _note_trouble(jobs: JobClient) -> None:
    if jobs.last_error is not None:
        say_aside(f"note: the last sync failed: {jobs.last_error}")


def _emit_result(result: SyncResult, as_json: bool) -> None:
    emit_json(asdict(result)) if as_json else say(exchange_line(result))


def _limits(replica: Path) -> ServerLimits:
    """What the file says, where it is one already; it is not made before the request was found right."""
    if not is_replica(replica):
        return ServerLimits()
    with JobClient(replica, read_only=True) as jobs:
        return jobs.limits


def _labels(pairs: Iterable[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise click.UsageError(f"--label {pair}: write KEY=VALUE")
        labels[key] = value
    return labels
