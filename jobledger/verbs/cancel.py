"""Ask for a job to be cancelled.

The request is saved in the file first, online or not. The job's new state is printed.

\b
Example:
  jobledger cancel 0197c0de-0000-7000-8000-000000000001 --reason "wrong file"
"""

from __future__ import annotations

from pathlib import Path

import click

from client_sync.client import JobClient
from jobledger.console.jobs import job_row
from jobledger.console.options import json_option, replica_option
from jobledger.console.output import emit_json, say
from jobledger.console.reading import read_job_id


@click.command("cancel", help=__doc__)
@click.argument("job_id")
@click.option("--reason", help="Why; kept with the job's history.")
@replica_option
@json_option
def command(job_id: str, reason: str | None, replica: Path, as_json: bool) -> None:
    with JobClient(replica, create=False) as jobs:
        job = jobs.cancel(read_job_id(job_id), reason)
    emit_json(job_row(job)) if as_json else say(job.shown)
