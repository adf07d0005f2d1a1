"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

dsn_option: Final = click.option(
    "--dsn",
    envvar="JOBLEDGER_DSN",
    default="",
    metavar="DSN",
    help="Postgres, as a URL or libpq keywords. Default: libpq's own variables (PGHOST, ...).",
)
replica_option: Final = click.option(
    "--db",
    "replica",
    envvar="JOBLEDGER_DB",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("jobs.db"),
    show_default=True,
    metavar="FILE",
    help="The SQLite file of this app.",
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
all_option: Final = click.option("--all", "show_all", is_flag=True, help="Show all, however many there are.")
MOST_SHOWN: Final = 20
"""How many rows are shown without --all, where clients can make any number of them."""

timeout_option: Final = click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after this time. Default: never."
)
owner_option: Final = click.option(
    "--on-behalf-of",
    envvar="JOBLEDGER_ON_BEHALF_OF",
    metavar="OWNER",
    help="Whose jobs these are. Default: the login's.",
)
follow_option: Final = click.option(
    "--sync", "with_sync", is_flag=True, help="Sync meanwhile; otherwise another process has to."
)
group_argument: Final = click.argument(
    "group", metavar="ROLE", type=click.Choice(["client", "processor", "auditor", "operator"])
)
on_behalf_of_option: Final = click.option(
    "--on-behalf-of", metavar="OWNER|*", help="For a client: the right to act for this owner too, or for every one (*)."
)
