"""What to try after the demo: lines to paste into a shell, which work as they are printed."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobledger.embedded import TemporaryFolder


def steps_after(folder: Path | None) -> list[str]:
    """Three lines for when nothing of the demo is left."""
    command = own_command()
    where = "" if folder is None else f" {shlex.quote(str(folder))}"
    return [
        f"{command} demo{where} --keep   # once more, and the server and the file stay",
        f'{command} submit count-words --params \'{{"path": "a.txt"}}\' --db mine.db   # offline, into your own file',
        f"{command} list --db mine.db   # it is saved, and waits for a server",
    ]


def steps_while_kept(scratch: TemporaryFolder) -> list[str]:
    """Three lines for when the server runs and the file is there."""
    command, dsn, replica = (
        own_command(),
        shlex.quote(scratch.server.dsn()),
        shlex.quote(str(scratch.folder / "app.db")),
    )
    return [
        f"{command} list --db {replica} --limit 5   # the jobs, as the app sees them",
        f"{command} log --dsn {dsn} --type attempt.failed   # every event of a kind, as the auditor sees them",
        f"{command} verify --dsn {dsn}   # replay the whole log, and compare",
    ]


def how_to_end(scratch: TemporaryFolder) -> str:
    folder, data = shlex.quote(str(scratch.folder)), shlex.quote(str(scratch.server.data))
    return f"{own_command()} pg stop --data {data} && rm -r {folder}"


def own_command() -> str:
    """How this very command is reached from here: by its name where that finds it, else by its place."""
    script = Path(sys.executable).parent / "jobledger"
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m jobledger"
    on_path = shutil.which("jobledger")
    if on_path is not None and Path(on_path).resolve() == script.resolve():
        return "jobledger"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))
