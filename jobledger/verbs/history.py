"""Show everything that happened to a job.

The events of JOB are shown in their order, and what they add up to.

\b
Example:
  jobledger history 01a20077-a74b-7112-b493-f73d2a69e3bf --as-of 1200
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from jobledger.console.events import event_row, event_text
from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json_text, emit_table, say, shorten
from jobledger.console.reading import read_job_id
from ledger.postgres.feed import fold_history, read_history
from ledger.postgres.schema import open_ledger


@click.command("history", help=__doc__)
@click.argument("job")
@click.option("--as-of", metavar="SEQ|TIME", help="As it was after this number of the log, or at this time (RFC 3339).")
@json_option
@dsn_option
def command(job: str, as_of: str | None, as_json: bool, dsn: str) -> None:
    job_id = read_job_id(job)
    moment = _read_moment(as_of)
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        rows = read_history(connection, job_id, as_of=moment)
    if as_json:
        for row in rows:
            emit_json_text(event_text(row))
        return
    emit_table([event_row(row) for row in rows], ["seq", "recorded at", "type", "actor", "data"])
    state = fold_history(job_id, rows)
    parts = [f"{state.status or 'not requested yet'}", f"attempt {state.attempt}"]
    if state.error:
        parts.append(f"{state.error.type}: {shorten(state.error.message, 80)}")
    if state.result is not None:
        parts.append(f"result {shorten(json.dumps(state.result, ensure_ascii=False), 80)}")
    say("=> " + ", ".join(parts))


def _read_moment(text: str | None) -> int | datetime | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--as-of {text!r} is neither a number of the log nor an RFC 3339 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
