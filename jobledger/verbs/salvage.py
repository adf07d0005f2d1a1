"""Save what only a damaged file holds.

It goes into the file NEW. The damaged one is only read, and stays as it is.

NEW gets each of its own events that the server may not have: what can still be read is found page by page. The
rest comes back with the first sync of NEW. Tables of the app's own are not carried over. Stop the app before.

\b
Example:
  jobledger salvage app.db --into saved.db
  jobledger sync --db saved.db
"""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobledger.console.options import json_option
from jobledger.console.output import emit_json, say

if TYPE_CHECKING:
    from client_sync.care.salvage.report import Salvage


@click.command("salvage", help=__doc__)
@click.argument("damaged", type=click.Path(dir_okay=False, path_type=Path), metavar="DAMAGED")
@click.option(
    "--into",
    "new",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="NEW",
    help="The file to make.",
)
@json_option
def command(damaged: Path, new: Path, as_json: bool) -> None:
    from client_sync.care.salvage.salvage import salvage as salvage_file
    from jobledger.console.progress_bar import LateBar

    with LateBar("salvage") as bar:
        report = salvage_file(damaged, new, progress=bar.show)
    if as_json:
        emit_json({"file": damaged, "into": new, **asdict(report)})
        return
    for line in _lines(report):
        say(line)
    say(f"{damaged} is as it was; now: jobledger sync --db {shlex.quote(str(new))}")


def _lines(report: Salvage) -> list[str]:
    lines = [f"saved {report.salvaged} events; the server has {report.acknowledged} more, and sends them again"]
    lines += [f"left out {s.type} {s.event_id} of job {s.job_id}: {s.reason}" for s in report.skipped]
    if report.missing:
        numbers = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in report.missing)
        lines.append(f"not found: the events numbered {numbers}")
    if report.bad_pages or report.bad_rows or report.bad_frames:
        lines.append(
            f"could not read {report.bad_pages} of {report.pages} pages, {report.bad_rows} single rows of others,"
            f" and {report.bad_frames} frames of the write-ahead log"
        )
    return lines
