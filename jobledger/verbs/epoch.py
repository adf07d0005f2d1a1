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

from typing import Final

import click

from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json, say
from ledger.errors import Conflict

CURRENT: Final = """
    select l.life, l.epoch::text as epoch, l.began_at, l.reason from ledger.lives l where l.life = ledger.current_life()
"""


@click.command("epoch", help=__doc__)
@click.option("--begin", "reason", metavar="REASON", help="Begin a new epoch; REASON is kept with it.")
@json_option
@dsn_option
def command(reason: str | None, as_json: bool, dsn: str) -> None:
    import psycopg

    from ledger.postgres.schema import open_ledger

    with open_ledger(dsn, application_name="jobledger epoch") as connection:
        if reason is not None:
            try:
                connection.execute("select ledger.begin_life(%(reason)s)", {"reason": reason})
            except psycopg.errors.LockNotAvailable as error:
                message = "a transaction that has written events stays open, and a new epoch waits for none"
                raise Conflict(message, hint="try again; jobledger doctor names it") from error
            except psycopg.errors.ObjectNotInPrerequisiteState as error:
                raise Conflict(str(error.diag.message_primary), hint=error.diag.message_hint) from error
            except psycopg.errors.InsufficientPrivilege as error:
                raise Conflict(
                    "this login may not begin an epoch", hint="it is for operators: jobledger grant"
                ) from error
        found = connection.execute(CURRENT).fetchone()
    assert found is not None, "a ledger has a life from its installation on"
    if as_json:
        emit_json(found)
    else:
        say(f"epoch {found['epoch']}, number {found['life']}, since {found['began_at']}: {found['reason']}")
