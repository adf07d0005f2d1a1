"""Take a login's rights away again.

NAME is then no client, auditor, processor or operator any more. Running it again is harmless.

With --on-behalf-of, only the right to act for that owner is taken. The login and its jobs stay. Do not give its
name to someone else: they would own those jobs.

\b
Example:
  jobledger revoke client shop_app
"""

from __future__ import annotations

import click

from jobledger.console.grants import report, whom
from jobledger.console.options import dsn_option, group_argument, json_option, on_behalf_of_option


@click.command("revoke", help=__doc__)
@group_argument
@click.argument("name")
@on_behalf_of_option
@json_option
@dsn_option
def command(group: str, name: str, on_behalf_of: str | None, as_json: bool, dsn: str) -> None:
    from jobledger.admin import grants
    from ledger.postgres.database import connect

    with connect(dsn, application_name="jobledger revoke") as connection:
        done = grants.revoke(connection, group, name, on_behalf_of=on_behalf_of)
    if on_behalf_of is not None:
        line = f"{name} may not act on behalf of {whom(on_behalf_of)}" + (" any more" if done.delegated else "")
    else:
        line = f"{name} is not in {done.group}" + (" any more" if done.revoked else "")
    report(done, line, as_json)
