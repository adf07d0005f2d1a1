"""Install or check the schema in Postgres.

Running it again is harmless. Rights that are not as they were installed (after a dump was restored without its grants,
say) are mended. The login needs the right to create schemas and roles; the processors and apps do not.

\b
Example:
  jobledger init --dsn postgresql://postgres@db.example/app
  jobledger init --check
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobledger.console.options import dsn_option, json_option
from jobledger.console.output import emit_json, say
from ledger.errors import Conflict

if TYPE_CHECKING:
    from ledger.postgres.rights import Difference


@click.command("init", help=__doc__)
@click.option("--check", "only_check", is_flag=True, help="Change nothing; fail if the schema is missing or another.")
@json_option
@dsn_option
def command(only_check: bool, as_json: bool, dsn: str) -> None:
    from ledger.postgres.database import connect
    from ledger.postgres.rights import find_differences, mend
    from ledger.postgres.schema import VERSION, check, install

    with connect(dsn, application_name="jobledger init") as connection:
        installed = False
        mended: list[Difference] = []
        if only_check:
            check(connection)
            if differences := find_differences(connection):
                raise Conflict(
                    f"{len(differences)} rights are not as they were installed; {differences[0]}",
                    hint="mend them: jobledger init",
                )
        else:
            installed = install(connection)
            mended = mend(connection)
        database = connection.info.dbname
    if as_json:
        said = [str(difference) for difference in mended]
        emit_json({"database": database, "version": VERSION, "installed": installed, "mended": said})
        return
    for difference in mended:
        say(f"mended {difference}")
    if installed:
        say(f"installed schema version {VERSION} in database {database}")
    else:
        say(f"schema version {VERSION} is in database {database}")
