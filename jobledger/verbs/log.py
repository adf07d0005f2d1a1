"""Read the ledger in order.

Every event is printed. With --json, an event a line.

\b
Example:
  jobledger log --after 1200 --type job.failed --json | jq .data.error
"""

from __future__ import annotations

import click

from jobledger.console.events import event_row, event_text
from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json_text, say
from ledger.postgres.feed import follow_log, read_log
from ledger.postgres.schema import open_ledger


@click.command("log", help=__doc__)
@click.option("--after", type=click.IntRange(min=0), default=0, show_default=True, help="Start after this number.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--owner", help="Only this owner's events.")
@click.option("--type", "event_type", help="Only events of this type.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until interrupted.")
@json_option
@dsn_option
def command(
    after: int, limit: int | None, owner: str | None, event_type: str | None, follow: bool, as_json: bool, dsn: str
) -> None:
    with open_ledger(dsn, application_name="jobledger audit") as connection:
        read = follow_log if follow else read_log
        for row in read(connection, after=after, owner=owner, type=event_type, limit=limit):
            if as_json:
                emit_json_text(event_text(row))
            else:
                s = event_row(row)
                say(f"{s['seq']:>8}  {s['recorded at']}  {s['type']:<21}  {s['job']}  {s['actor']}  {s['data']}")
