"""Exchange events with the server, once or for ever.

It sends what is new here, fetches what is new there, and prints what was exchanged.

A file that is missing is an error, as its name may be mistyped; with --create it is made.

\b
Example:
  jobledger sync --db app.db --dsn postgresql://app@db.example.org/jobs
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from client_sync.client import JobClient
from jobledger.console.jobs import exchange_line
from jobledger.console.options import dsn_option, json_option, owner_option, replica_option
from jobledger.console.output import emit_json, say, say_aside
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from client_sync.sync.result import SyncResult


_REFUSALS_SHOWN: Final = 10


_LOOK_EVERY_S: Final = 0.5


@click.command("sync", help=__doc__)
@click.option("--watch", "for_ever", is_flag=True, help="Go on until interrupted.")
@click.option("--again", is_flag=True, help="Read the server's log from its start: compacted jobs come back.")
@click.option("--create", is_flag=True, help="Make the file where it is missing.")
@dsn_option
@owner_option
@replica_option
@json_option
def command(
    for_ever: bool, again: bool, create: bool, dsn: str, on_behalf_of: str | None, replica: Path, as_json: bool
) -> None:
    if for_ever and again:
        raise click.UsageError("--again is for one sync: run it without --watch")
    with JobClient(replica, dsn, on_behalf_of=on_behalf_of, create=create) as jobs:
        if for_ever:
            _sync_for_ever(jobs, as_json)
            return
        from jobledger.console.progress_bar import SyncBar

        with SyncBar(jobs.unsent, lambda: jobs.unconfirmed) as bar:
            result = jobs.sync(again=again, report=bar.report)
        _emit_result(result, as_json)
        if result.refused and not as_json:
            for refusal in jobs.refusals(limit=min(result.refused, _REFUSALS_SHOWN)):
                say_aside(f"refused {refusal.type} of {refusal.job_id}: {refusal.detail}")


def _sync_for_ever(jobs: JobClient, as_json: bool) -> None:
    def report(result: SyncResult) -> None:
        _emit_result(result, as_json)

    jobs.start_sync(report=report)
    complained: LedgerError | None = None
    pooled = False
    while True:
        if jobs.sync_pooled and not pooled:
            say_aside("note: through a connection pooler no notification arrives; looking for news often")
        pooled = jobs.sync_pooled
        error = jobs.sync_error
        if error is not None and error is not complained:
            say_aside(f"error: {error.message} ({error.hint})" if error.hint else f"error: {error.message}")
        complained = error
        time.sleep(_LOOK_EVERY_S)


def _emit_result(result: SyncResult, as_json: bool) -> None:
    emit_json(asdict(result)) if as_json else say(exchange_line(result))
