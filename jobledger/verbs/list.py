"""List the jobs of this file, the latest first.

With --json, one object a line.

\b
Example:
  jobledger list --status running --limit 5
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

import click

from client_sync.client import JobClient
from client_sync.file.job import Status
from jobledger.console.jobs import happening, job_row, note_trouble
from jobledger.console.options import json_option, replica_option
from jobledger.console.output import emit_json, emit_table
from jobledger.console.reading import read_job_id

_LIST_COLUMNS: Final = ("job_id", "name", "shown", "progress", "requested_at")


@click.command("list", help=__doc__)
@click.option("--status", type=click.Choice(get_args(Status)), help="Only jobs of this status.")
@click.option("--name", help="Only jobs of this name.")
@click.option("--namespace", help="Only jobs of this namespace.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@click.option("--before", metavar="JOB_ID", help="Go on after this job, the last of the page before.")
@replica_option
@json_option
def command(
    status: str | None,
    name: str | None,
    namespace: str | None,
    limit: int,
    before: str | None,
    replica: Path,
    as_json: bool,
) -> None:
    before_id = None if before is None else read_job_id(before)
    with JobClient(replica, read_only=True) as jobs:
        found = jobs.list(status=status, name=name, namespace=namespace, before=before_id, limit=limit)
        note_trouble(jobs)
    if as_json:
        for job in found:
            emit_json(job_row(job))
    else:
        emit_table([{**job_row(job), "progress": happening(job)} for job in found], _LIST_COLUMNS)
