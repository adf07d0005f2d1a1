"""The operator's verbs about people: grant and revoke."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ledger.console import dsn_option, emit_json, json_option
from ledger.errors import InvalidEvent, LedgerError

if TYPE_CHECKING:
    from processor.grants import Grant

# as processor.grants.GROUPS, which would bring the driver into --help
group_argument: Final = click.argument(
    "group", metavar="ROLE", type=click.Choice(["client", "auditor", "processor", "operator"])
)


@click.command()
@group_argument
@click.argument("name")
@click.option(
    "--password-file",
    metavar="FILE|-",
    help="The login's new password: the one line of a file, or of standard input. Without it the password stays.",
)
@json_option
@dsn_option
def grant(group: str, name: str, password_file: str | None, as_json: bool, dsn: str) -> None:
    """Let the login NAME act as a client, auditor, processor or operator. Running it again is harmless.

    The login is created where there is none. A login is in one group only. NAME will stand in the ledger as the
    owner or actor of what it does.

    \b
    Example:
      jobledger grant client shop_app --password-file - < shop_app.password
      jobledger grant auditor carol --dsn postgresql://postgres@db.example/app
    """
    from ledger.database import connect
    from processor import grants

    password = None if password_file is None else read_password(password_file)
    with connect(dsn, application_name="jobledger grant") as connection:
        done = grants.grant(connection, group, name, password)
    _report(done, f"{name} is in {done.group}" + (" (a new login)" if done.created else ""), as_json)


@click.command()
@group_argument
@click.argument("name")
@json_option
@dsn_option
def revoke(group: str, name: str, as_json: bool, dsn: str) -> None:
    """Take the rights of a client, auditor, processor or operator from the login NAME. Running it again is harmless.

    The login and its jobs stay. Do not give its name to someone else: they would own those jobs.

    \b
    Example:
      jobledger revoke client shop_app
    """
    from ledger.database import connect
    from processor import grants

    with connect(dsn, application_name="jobledger revoke") as connection:
        done = grants.revoke(connection, group, name)
    _report(done, f"{name} is not in {done.group}" + (" any more" if done.revoked else ""), as_json)


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


def _report(done: Grant, line: str, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(done))
    else:
        click.echo(line + ("; its password is set" if done.password_set else ""))
