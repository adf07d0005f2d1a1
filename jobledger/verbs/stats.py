"""Show what is waiting, running and done.

It shows too who runs it, and how far the log is.

Of the handlers, the 20 with the most open jobs; with --all or --json, all.

\b
Example:
  jobledger stats
  jobledger stats --json | jq .jobs.failed
"""

from __future__ import annotations

import click

from jobledger.console.options import MOST_SHOWN, all_option, dsn_option, json_option
from jobledger.console.output import emit_json, emit_table, say


@click.command("stats", help=__doc__)
@all_option
@json_option
@dsn_option
def command(show_all: bool, as_json: bool, dsn: str) -> None:
    from jobledger.admin.stats import read_stats
    from ledger.postgres.schema import open_ledger

    with open_ledger(dsn, application_name="jobledger stats") as connection:
        found = read_stats(connection, most=None if show_all or as_json else MOST_SHOWN)
    if as_json:
        emit_json(found)
        return
    say("jobs: " + ", ".join(f"{count} {status}" for status, count in found["jobs"].items()))
    say(f"pending: {found['ready']} ready, {found['scheduled']} scheduled")
    if found["waiting"]:
        say("waiting: " + ", ".join(f"{count} {reason}" for reason, count in found["waiting"].items()))
    log = found["log"]
    say(f"log: number {log['last_seq']}, {log['unsequenced']} unsequenced, {log['refusals']} refusals")
    say("leader: " + ("elected" if found["leader"] else "none elected"))
    if found["handlers"]:
        say()
        emit_table(found["handlers"], ["namespace", "name", "ready", "scheduled", "running", "oldest_ready_s"])
        if found["more_handlers"]:
            say(f"... and {found['more_handlers']} more with open jobs: see them with --all")
    for row in found["stopping"]:
        say(f"timed out, stopping: {row['attempts']} on {row['host']} pid {row['pid']}, one of job {row['job_id']}")
    say()
    if found["processors"]:
        emit_table(found["processors"], ["processor", "host", "pid", "heartbeat_age_s", "started_at"])
    else:
        say("no processor is running")
