"""Wait for a job to end, and print its result.

The result is JSON; with --json, the whole job is printed.

The exit code is 5 when the job failed, was cancelled or was refused.

\b
Example:
  jobledger wait 0197c0de-0000-7000-8000-000000000001 --timeout 30 --sync
"""

from __future__ import annotations

from pathlib import Path

import click

from client_sync.client import JobClient
from client_sync.file.job import JobFailed
from jobledger.console.jobs import job_row
from jobledger.console.options import (
    dsn_option,
    follow_option,
    json_option,
    owner_option,
    replica_option,
    timeout_option,
)
from jobledger.console.output import emit_json
from jobledger.console.reading import read_job_id


@click.command("wait", help=__doc__)
@click.argument("job_id")
@timeout_option
@follow_option
@dsn_option
@owner_option
@replica_option
@json_option
def command(
    job_id: str,
    timeout: float | None,
    with_sync: bool,
    dsn: str,
    on_behalf_of: str | None,
    replica: Path,
    as_json: bool,
) -> None:
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
