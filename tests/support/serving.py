"""A processor as a process of its own, as an operator would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(command: Sequence[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes into a log, with ``Popen``'s options. Killed at the end, if it still runs."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def processor(dsn: str, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """``jobledger serve`` with the jobs of served_jobs.py. Killed at the end, if it still runs."""
    command = [sys.executable, "-m", "jobledger", "serve", "--app", "served_jobs:jobs", "--dsn", dsn, *options]
    with running(command, log, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)}) as process:
        yield process
