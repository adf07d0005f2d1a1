"""See it all work, in one terminal.

It works on the files of FOLDER (default: this Python's standard library), in under a minute.

One job a file counts its lines and words and hashes it. Ends with an error if anything is not as it should be.
However it ends, nothing stays behind, unless it was run with --keep and came to its end.

\b
Example:
  jobledger demo ~/Documents --keep
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

import click
from rich.console import Console

from jobledger.demo.files import find_files
from jobledger.demo.next_steps import how_to_end, steps_after, steps_while_kept
from jobledger.demo.play import interruptible, play, show_steps
from jobledger.embedded import temporary_folder
from ledger.errors import LedgerError


@click.command("demo", help=__doc__)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--keep", is_flag=True, help="Leave the server running and the files there, to look around.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Take at most so many files."
)
def command(folder: Path | None, keep: bool, limit: int) -> None:
    console = Console(highlight=False)
    files = find_files(folder or Path(sysconfig.get_path("stdlib")), limit)
    with interruptible(), temporary_folder("jobledger-demo-") as scratch:
        faults = play(console, scratch, files)
        if keep:
            scratch.keep()
            show_steps(console, "The server is still running. Look around:", steps_while_kept(scratch))
            show_steps(console, "When done:", [how_to_end(scratch)])
        else:
            show_steps(console, "What to try next:", steps_after(folder))
    if faults:
        raise LedgerError(f"the demo found {len(faults)} faults: {faults[0]}")
