"""Check that the state is what the events say.

The whole log is replayed through the fold, and compared with the state that the server keeps.

Ends with exit code 6 where they differ, or where the log has a gap. Reads only, from one snapshot, while the
ledger goes on working.

\b
Example:
  jobledger verify --dsn postgresql://auditor@db.example/app
"""

from __future__ import annotations

import click

from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json, say
from jobledger.console.progress_bar import progress_bar
from ledger.postgres.feed import last_number
from ledger.postgres.feed import verify as verify_ledger
from ledger.postgres.schema import open_ledger


@click.command("verify", help=__doc__)
@json_option
@dsn_option
def command(as_json: bool, dsn: str) -> None:
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        total = last_number(connection)
        with progress_bar(total, "replaying", hidden=as_json) as bar:

            def advance(events: int) -> None:
                bar.update(max(0, events - bar.pos))

            done = verify_ledger(connection, on_progress=advance)
            advance(total)
    if as_json:
        emit_json({"verified": True, "events": done.events, "jobs": done.jobs, "unsequenced": done.unsequenced})
    else:
        waiting = f"; {done.unsequenced} events wait to be put in order" if done.unsequenced else ""
        say(f"verified: {done.events} events add up to the {done.jobs} jobs as the server has them{waiting}")
