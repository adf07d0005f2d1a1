"""Show one job as this file knows it (also: status).

It says, too, how far the server knows of it.

\b
Example:
  jobledger show 0197c0de-0000-7000-8000-000000000001
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from client_sync.client import JobClient
from jobledger.console.jobs import job_lines, job_row, note_trouble, waits_for
from jobledger.console.options import json_option, replica_option
from jobledger.console.output import emit_json, emit_table
from jobledger.console.reading import read_job_id


@click.command("show", help=__doc__)
@click.argument("job_id")
@replica_option
@json_option
def command(job_id: str, replica: Path, as_json: bool) -> None:
    with JobClient(replica, read_only=True) as jobs:
        job = jobs.get(read_job_id(job_id))
        reason = waits_for(jobs, job, datetime.now(UTC))
        note_trouble(jobs)
    if as_json:
        emit_json({**job_row(job), "waits_for": reason})
        return
    lines = job_lines(job)
    if reason is not None:
        from ledger.model.waiting import MEANINGS

        meaning = MEANINGS.get(reason)
        lines.append({"what": "waits_for", "is": f"{reason}: {meaning}" if meaning else reason})
    emit_table(lines, ["what", "is"])
