"""Give a login the rights of a client, a processor, ...

The login NAME then acts as a client, auditor, processor or operator. Running it again is harmless.

The login is created where there is none. A login is in one group only. NAME will stand in the ledger as the
owner or actor of what it does. A service that keeps its users' jobs apart names one of them as the owner when it
syncs; it needs --on-behalf-of for that, and both names stand in each event.

\b
Example:
  jobledger grant client shop_app --password-file - < shop_app.password
  jobledger grant client shop_app --on-behalf-of carol@example.com
  jobledger grant auditor carol --dsn postgresql://postgres@db.example/app
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jobledger.console.grants import report, whom
from jobledger.console.options import dsn_option, group_argument, json_option, on_behalf_of_option
from ledger.errors import InvalidEvent, LedgerError


@click.command("grant", help=__doc__)
@group_argument
@click.argument("name")
@on_behalf_of_option
@click.option(
    "--password-file",
    metavar="FILE|-",
    help="The login's new password: the one line of a file, or of standard input. Without it the password stays.",
)
@json_option
@dsn_option
def command(
    group: str, name: str, on_behalf_of: str | None, password_file: str | None, as_json: bool, dsn: str
) -> None:
    from jobledger.admin import grants
    from ledger.postgres.database import connect

    password = None if password_file is None else read_password(password_file)
    with connect(dsn, application_name="jobledger grant") as connection:
        done = grants.grant(connection, group, name, password, on_behalf_of=on_behalf_of)
    line = f"{name} is in {done.group}" + (" (a new login)" if done.created else "")
    if on_behalf_of is not None:
        line += f"; it may act on behalf of {whom(on_behalf_of)}"
    report(done, line, as_json)


def read_password(place: str) -> str:
    """The one line of a file, or of standard input for "-". Raises LedgerError where it cannot be read as one line."""
    try:
        text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"cannot read the password from {place}: {error}") from error
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0]:
        raise InvalidEvent("the password is not one line of text", hint="write it to the file, and nothing else")
    return lines[0]
