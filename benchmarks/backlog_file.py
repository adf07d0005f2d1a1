"""A file with a long backlog, as of an app that was offline for a year: made once for all scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.filling import request
from client_sync import JobClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def backlog_file(folder: Path, jobs: int, tell: Callable[[str], None]) -> Path:
    """The path of a file with so many requests that no server has seen. Copy it before changing it."""
    path = folder / f"backlog-{jobs}.db"
    if path.exists():
        return path
    batch, data = min(jobs, 50_000), request(1)
    partial = path.with_suffix(".partial")
    with JobClient(partial) as client:
        for first in range(0, jobs, batch):
            tell(f"{first:,} of {jobs:,} requests in the file")
            with client.transaction() as connection:
                # as any language can: the triggers fill in the rest
                connection.execute(
                    """
                    with recursive n (i) as (select 1 union all select i + 1 from n where i < :batch)
                    insert into events (type, data) select 'job.requested', :data from n""",
                    {"batch": min(batch, jobs - first), "data": data},
                )
    # closed by its only user, the file is whole without its log
    partial.rename(path)
    return path
