"""Request a job. It is saved here first, online or not.

The request for the job NAME is appended to the file, and the job's id is printed.

With --many, each line is a request with the fields name, params, namespace, priority, run_at, key, labels,
max_attempts, timeout, expires_at, retry_of, parent and job_id; NAME and the options fill in what it leaves out.
All lines are checked before the first is saved; then they are saved in batches of 500, and each batch's ids are
printed when it is on disk.

\b
Example:
  jobledger submit count-words --params '{"path": "a.txt"}' --label team=docs
  jobledger submit count-words --many requests.ndjson
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from client_sync.client import JobClient
from client_sync.file.limits import ServerLimits
from client_sync.file.reading import is_replica
from client_sync.file.submission import Submission
from client_sync.file.valid_request import request_text
from jobledger.console.jobs import job_row
from jobledger.console.options import json_option, replica_option
from jobledger.console.output import emit_json, say
from jobledger.console.reading import read_json_argument
from ledger.errors import InvalidEvent

_BATCH: Final = 500


@click.command("submit", help=__doc__)
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
def command(
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
    from jobledger.console.requests_file import checked_requests

    with checked_requests(source, defaults, _limits(replica)) as requests, JobClient(replica) as jobs:
        while batch := [*islice(requests, _BATCH)]:
            for job_id in jobs.submit_many(batch):
                emit_json({"job_id": job_id}) if as_json else say(job_id)


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
