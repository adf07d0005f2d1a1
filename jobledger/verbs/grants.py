"""The operator's verbs about people: grant and revoke."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jobledger.verbs.console import dsn_option, emit_json, json_option, say
from ledger.errors import InvalidEvent, LedgerError

if TYPE_CHECKING:
    from jobledger.admin.grants import Grant

# as processor.grants.GROUPS, which would bring the driver into --help
group_argument: Final = click.argument(
    "group", metavar="ROLE", type=click.Choice(["client", "auditor", "processor", "operator"])
)

on_behalf_of_option: Final = click.option(
    "--on-behalf-of", metavar="OWNER|*", help="For a client: the right to act for this owner too, or for every one (*)."
)


@click.command()
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
def grant(group: str, name: str, on_behalf_of: str | None, password_file: str | None, as_json: bool, dsn: str) -> None:
    """Let the login NAME act as a client, auditor, processor or operator. Running it again is harmless.

    The login is created where there is none. A login is in one group only. NAME will stand in the ledger as the
    owner or actor of what it does. A service that keeps its users' jobs apart names one of them as the owner when it
    syncs; it needs --on-behalf-of for that, and both names stand in each event.

    \b
    Example:
      jobledger grant client shop_app --password-file - < shop_app.password
      jobledger grant client shop_app --on-behalf-of carol@example.com
      jobledger grant auditor carol --dsn postgresql://postgres@db.example/app
    """
    from jobledger.admin import grants
    from ledger.postgres.database import connect

    password = None if password_file is None else read_password(password_file)
    with connect(dsn, application_name="jobledger grant") as connection:
        done = grants.grant(connection, group, name, password, on_behalf_of=on_behalf_of)
    line = f"{name} is in {done.group}" + (" (a new login)" if done.created else "")
    if on_behalf_of is not None:
        line += f"; it may act on behalf of {_whom(on_behalf_of)}"
    _report(done, line, as_json)


@click.command()
@group_argument
@click.argument("name")
@on_behalf_of_option
@json_option
@dsn_option
def revoke(group: str, name: str, on_behalf_of: str | None, as_json: bool, dsn: str) -> None:
    """Take the rights of a client, auditor, processor or operator from the login NAME. Running it again is harmless.

    With --on-behalf-of, only the right to act for that owner is taken. The login and its jobs stay. Do not give its
    name to someone else: they would own those jobs.

    \b
    Example:
      jobledger revoke client shop_app
    """
    from jobledger.admin import grants
    from ledger.postgres.database import connect

    with connect(dsn, application_name="jobledger revoke") as connection:
        done = grants.revoke(connection, group, name, on_behalf_of=on_behalf_of)
    if on_behalf_of is not None:
        line = f"{name} may not act on behalf of {_whom(on_behalf_of)}" + (" any more" if done.delegated else "")
    else:
        line = f"{name} is not in {done.group}" + (" any more" if done.revoked else "")
    _report(done, line, as_json)


def _whom(on_behalf_of: str) -> str:
    return "every owner" if on_behalf_of == "*" else on_behalf_of


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
        say(line + ("; its password is set" if done.password_set else ""))
