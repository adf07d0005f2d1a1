"""Let jobs that ended long ago leave the file.

The server keeps them: jobledger sync --again brings them back.

Only jobs leave that the server is known to hold, and none that was refused. Other programs may go on using the
file, and interrupting does no harm. Choose an age greater than that of the oldest backup you would restore the
server from: what such a backup lacks is only in the files.

\b
Example:
  jobledger compact --db app.db --older-than 30d
"""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from client_sync.client import JobClient
from jobledger.console.options import json_option, replica_option
from jobledger.console.output import emit_json, say
from jobledger.console.progress_bar import LateBar

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


_MEGABYTE: Final = 1_000_000


class _Age(click.ParamType[timedelta]):
    """A length of time, as in 30d, 12h, 90m or 10s."""

    name = "age"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not re.fullmatch(r"[0-9]{1,5}[dhms]", value):
            self.fail(f"{value!r} is not an age; write it as 30d, 12h, 90m or 10s", param, ctx)
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})


@click.command("compact", help=__doc__)
@click.option(
    "--older-than", type=_Age(), required=True, metavar="AGE", help="Jobs that ended before that: 30d, 12h, 90m or 10s."
)
@click.option("--vacuum", is_flag=True, help="Shrink the file as well. Writers wait while it is written anew.")
@replica_option
@json_option
def command(older_than: timedelta, vacuum: bool, replica: Path, as_json: bool) -> None:
    with JobClient(replica, create=False) as jobs, LateBar("compact") as bar:
        result = jobs.compact(older_than, vacuum=vacuum, report=bar.show)
    if as_json:
        emit_json(asdict(result))
        return
    say(
        f"{result.jobs} jobs with {result.events} events have left; the file has {_megabytes(result.bytes_after)},"
        f" {_megabytes(result.bytes_free)} of it free (before: {_megabytes(result.bytes_before)})"
    )


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
