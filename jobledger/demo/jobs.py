"""The demo's jobs: count the lines and words of a file, and hash it. Served with --app jobledger.demo.jobs:jobs."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from jobledger import JobContext, Permanent, Registry

jobs: Final = Registry()


class CountParams(BaseModel):
    """Which file, how slow its disk is, and whether it does not answer the first attempt."""

    path: Path
    disk_s: float = 0.0
    fails_once: bool = False


class Counts(BaseModel):
    lines: int
    words: int
    sha256: str


def count(path: Path) -> Counts:
    """Count and hash one file; what the demo's summary compares the results with."""
    content = path.read_bytes()
    return Counts(lines=content.count(b"\n"), words=len(content.split()), sha256=hashlib.sha256(content).hexdigest())


@jobs.handler("count-file", max_attempts=3, timeout=30)
def count_file(params: CountParams, job: JobContext) -> Counts:
    """Count one file. A file that is not there fails at once: trying again would not bring it back."""
    job.progress(10, "reading")
    time.sleep(params.disk_s)
    if params.fails_once and job.attempt == 1:
        raise OSError(f"{params.path}: the disk did not answer")
    try:
        counts = count(params.path)
    except FileNotFoundError as error:
        raise Permanent(f"{params.path}: no such file") from error
    job.progress(90, "counted", {"lines": counts.lines})
    return counts
