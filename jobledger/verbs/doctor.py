"""Look for what is wrong, and say what to do.

It examines a file and a server, and changes nothing.

The file is examined where --db or JOBLEDGER_DB names one, or no server is named and jobs.db is here; the server
where --dsn, JOBLEDGER_DSN or libpq's variables name one, or there is no file. With both, they are also
compared.

Of the handlers that no processor serves, the 20 with the most jobs; with --all or --json, all.

Findings are ok, note, warn or fail. The exit code is 1 where something fails; else 7 where the server cannot be
reached; else 0.

\b
Example:
  jobledger doctor --db app.db
  jobledger doctor --dsn postgresql://worker@db.example/app
  jobledger doctor --json | jq '.[] | select(.level != "ok")'
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from jobledger.console.options import MOST_SHOWN, all_option, dsn_option, json_option, replica_option
from jobledger.console.output import emit_json, say
from jobledger.settings import SettingsFile
from ledger.errors import ServerUnreachable
from ledger.finding import Finding

_LIBPQ: Final = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")


@click.command("doctor", help=__doc__)
@click.option("--full", is_flag=True, help="Check the state of every job in the file, and not only of the latest.")
@all_option
@replica_option
@dsn_option
@json_option
@click.pass_context
def command(context: click.Context, full: bool, show_all: bool, replica: Path, dsn: str, as_json: bool) -> None:
    named = context.get_parameter_source("replica") is not ParameterSource.DEFAULT
    with_file = named or (not dsn and replica.exists())
    with_server = bool(dsn) or not with_file or any(os.environ.get(name) for name in _LIBPQ)
    findings = _say_settings(context)
    findings += _examine_file(replica, full) if with_file else []
    unreachable = False
    if with_server:
        try:
            most = None if show_all or as_json else MOST_SHOWN
            findings += _examine_server(dsn, replica if with_file else None, most)
        except ServerUnreachable as error:
            if not with_file:
                raise
            unreachable = True
            message = f"{error.message}; so nothing could be compared with it"
            findings.append(("server", Finding("warn", "reachable", message, error.hint)))
    if as_json:
        emit_json([{"part": part, **asdict(finding)} for part, finding in findings])
    else:
        for part, finding in findings:
            say(f"{finding.level:<4}  {part:<6}  {finding.check:<12}  {finding.message}")
            if finding.advice:
                say(f"{'':28}-> {finding.advice}")
    if any(finding.level == "fail" for _, finding in findings):
        context.exit(1)
    if unreachable:
        context.exit(ServerUnreachable.exit_code)


def _say_settings(context: click.Context) -> list[tuple[str, Finding]]:
    found = context.find_object(SettingsFile)
    if found is None or (found.path is None and found.ignored is None):
        return []
    source = f"from {found.path}" if found.path else "from no file"
    if found.ignored is None:
        return [("here", Finding("ok", "settings", source))]
    return [("here", Finding("warn", "settings", source, found.ignored))]


def _examine_file(replica: Path, full: bool) -> Iterator[tuple[str, Finding]]:
    from client_sync.care.examine import examine
    from jobledger.console.progress_bar import LateBar

    with LateBar("jobs") as bar:
        for finding in examine(replica, full=full, progress=bar.show):
            yield "file", finding


def _examine_server(dsn: str, replica: Path | None, most: int | None) -> Iterator[tuple[str, Finding]]:
    from client_sync.care.compare import compare
    from jobledger.admin.doctor import examine_server
    from jobledger.admin.doctor_rights import explain_refusal
    from ledger.postgres.database import connect
    from ledger.postgres.rights import lacks_rights
    from ledger.postgres.server.server import PostgresServer

    with connect(dsn, application_name="jobledger doctor") as connection:
        if replica is not None:
            for finding in compare(replica, PostgresServer(connection)):
                yield "both", finding
        try:
            for finding in examine_server(connection, most=most):
                yield "server", finding
        except Exception as error:
            if not lacks_rights(error):
                raise
            yield "server", explain_refusal(connection)
