"""Read the ledger in order.

Every event is printed. With --json, an event a line.

\b
Example:
  jobledger log --after 1200 --type job.failed --json | jq .data.error
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from jobledger.console.events import event_row, event_text
from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json_text, say
from ledger.postgres.database import is_pooled
from ledger.postgres.feed import read_log
from ledger.postgres.schema import open_ledger

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow


LOOK_EVERY_S: Final = 5.0


LOOK_EVERY_POOLED_S: Final = 1.0


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
        for row in _rows(connection, after, limit, owner, event_type, follow):
            if as_json:
                emit_json_text(event_text(row))
            else:
                s = event_row(row)
                say(f"{s['seq']:>8}  {s['recorded at']}  {s['type']:<21}  {s['job']}  {s['actor']}  {s['data']}")


def _rows(
    connection: Connection[DictRow],
    after: int,
    limit: int | None,
    owner: str | None,
    event_type: str | None,
    follow: bool,
) -> Iterator[DictRow]:
    look_every_s = LOOK_EVERY_S
    if follow and is_pooled(connection):
        look_every_s = LOOK_EVERY_POOLED_S  # no notification comes through
    elif follow:
        connection.execute("listen ledger_feed")
    while True:
        for row in read_log(connection, after=after, owner=owner, type=event_type, limit=limit):
            after = row["seq"]
            limit = None if limit is None else limit - 1
            yield row
        if not follow or limit == 0:
            return
        # a notification is only a hint: look again after a while in any case
        for _ in connection.notifies(timeout=look_every_s, stop_after=1):
            pass
