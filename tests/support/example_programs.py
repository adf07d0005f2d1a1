"""The programs of examples/, run as their README says: from their own folders, as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """No settings but these, and this checkout to import from."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("JOBLEDGER_", "PG"))}
    return {**bare, **settings, "PYTHONPATH": str(ROOT)}


def run_example(folder: Path, arguments: list[str], settings: Mapping[str, str], *, code: int = 0) -> list[str]:
    """Run an app to its end; gives the lines that it printed."""
    done = subprocess.run(
        [sys.executable, "app.py", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=environment_with(settings),
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout.splitlines()


@contextmanager
def start_example(folder: Path, settings: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run an app that goes on until the end of the block; gives the first line that it prints."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "app.py"],
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            cwd=folder,
            env=environment_with(settings),
        ) as app,
    ):
        assert app.stdout is not None
        try:
            yield app.stdout.readline().strip()
        finally:
            app.kill()


@contextmanager
def serve_example(folder: Path, dsn: str, log: Path, **settings: str) -> Iterator[None]:
    """A processor with the app's jobs, for the length of the block."""
    command = [sys.executable, "-m", "jobledger", "serve", "--app", "jobs:jobs", "--dsn", dsn]
    with log.open("wb") as output:
        serving = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment_with(settings)
        )
    try:
        yield
    finally:
        serving.terminate()
        serving.wait()
