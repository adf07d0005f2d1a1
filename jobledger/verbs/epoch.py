"""Show the epoch, or begin a new one after a restore.

A new epoch makes every client compare what it holds with the server. A restored dump, a promoted standby and a
copy begin one by themselves; so does a server whose files were put back to an earlier moment, if a processor goes
on that knew it before. Otherwise say so with --begin. It loses nothing, and each client looks through its file.

\b
Example:
  jobledger epoch
  jobledger epoch --begin "restored from last night's backup"
"""

from __future__ import annotations

from dataclasses import asdict

import click

from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json, say


@click.command("epoch", help=__doc__)
@click.option("--begin", "reason", metavar="REASON", help="Begin a new epoch; REASON is kept with it.")
@json_option
@dsn_option
def command(reason: str | None, as_json: bool, dsn: str) -> None:
    from ledger.postgres.admin.epochs import begin_epoch, read_epoch
    from ledger.postgres.schema import open_ledger

    with open_ledger(dsn, application_name="jobledger epoch") as connection:
        if reason is not None:
            begin_epoch(connection, reason)
        found = read_epoch(connection)
    if as_json:
        emit_json(asdict(found))
    else:
        say(f"epoch {found.epoch}, number {found.number}, since {found.began_at}: {found.reason}")
