"""Follow a job's progress until it ends.

Each change is a line.

\b
Example:
  jobledger watch 0197c0de-0000-7000-8000-000000000001 --sync
"""

from __future__ import annotations

from pathlib import Path

import click

from client_sync.client import JobClient
from jobledger.console.jobs import happening, job_row
from jobledger.console.options import (
    dsn_option,
    follow_option,
    json_option,
    owner_option,
    replica_option,
    timeout_option,
)
from jobledger.console.output import emit_json, say
from jobledger.console.reading import read_job_id


@click.command("watch", help=__doc__)
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
        states = jobs.watch(read_job_id(job_id), timeout=timeout)
        if with_sync:
            jobs.start_sync()
        for job in states:
            emit_json(job_row(job)) if as_json else say(f"{job.shown:<10} {happening(job)}".rstrip())
