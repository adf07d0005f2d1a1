"""Start and stop a PostgreSQL server of your own.

It is for trying things out. It is started from the Python package that the extra `embedded` brings, listens on a
private socket only, and keeps its data until you delete the folder. For production, use a server that is looked after.

\b
Example:
  export JOBLEDGER_DSN=$(jobledger pg start)
  jobledger init
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click

from jobledger.console.options import json_option
from jobledger.console.output import emit_json, say, say_aside
from jobledger.embedded import EmbeddedPostgres


def default_data() -> Path:
    """Where the server keeps its data, where nothing else is said.

    As root the server runs as another account, which cannot enter root's home: the system's own place is used then.
    """
    if sys.platform != "win32" and os.geteuid() == 0:
        return Path("/var/lib/jobledger/pg")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "jobledger" / "pg"


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_data,
    show_default="a folder for this user's data",
    help="The folder that holds the server.",
)


@click.group("pg", help=__doc__)
def command() -> None:
    """The group that start, stop and url are in."""


@command.command()
@data_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Listen on 127.0.0.1 too, where every local account may connect; 0 takes a free port.",
)
@json_option
def start(data: Path, port: int | None, as_json: bool) -> None:
    """Start the server, if it is not running, and print its DSN.

    \b
    Example:
      jobledger pg start
      jobledger pg start --data ./scratch-pg --json
    """
    server = EmbeddedPostgres(data)
    server.start(port=port)
    _show(server, server.dsn(), as_json)


@command.command()
@data_option
@json_option
def stop(data: Path, as_json: bool) -> None:
    """Stop the server, if it is running. Its data stays, and it is said where.

    \b
    Example:
      jobledger pg stop
    """
    server = EmbeddedPostgres(data)
    server.stop()
    if server.cluster.exists() and not as_json:
        say_aside(f"stopped; its data stays in {server.data} (to be rid of it: rm -r {shlex.quote(str(server.data))})")
    _show(server, None, as_json)


@command.command()
@data_option
@click.option("--database", default="postgres", show_default=True, help="The database to connect to.")
@click.option("--user", default="postgres", show_default=True, help="The role to connect as.")
@json_option
def url(data: Path, database: str, user: str, as_json: bool) -> None:
    """Print the DSN of the running server.

    \b
    Example:
      psql "$(jobledger pg url)"
    """
    server = EmbeddedPostgres(data)
    _show(server, server.dsn(database, user), as_json)


def _show(server: EmbeddedPostgres, dsn: str | None, as_json: bool) -> None:
    if as_json:
        emit_json({"running": server.running, "dsn": dsn, "data": str(server.data)})
    elif dsn:
        say(dsn)
