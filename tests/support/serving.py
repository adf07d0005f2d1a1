"""A processor as a process of its own, as an operator would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def processor(dsn: str, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """``jobledger serve`` with the jobs of served_jobs.py. Killed at the end, if it still runs."""
    command = [sys.executable, "-m", "jobledger", "serve", "--app", "served_jobs:jobs", "--dsn", dsn, *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
