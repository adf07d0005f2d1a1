"""Following one job: what it is now, and then each change, until it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from client_sync.file.job import Job
from client_sync.file.job_rows import known_job
from client_sync.file.replica import Replica
from ledger.errors import WaitTimeout

LOOK_EVERY_S: Final = 0.05
"""How often to look for what other processes changed: one probe of an index. Changes of this process wake at once."""


def follow(replica: Replica, job_id: UUID, timeout: float | None) -> Iterator[Job]:
    """The job, and again after each change, until it has ended.

    Raises JobNotFound where it is not, or no longer, known; WaitTimeout after ``timeout`` seconds.
    """
    give_up_at = None if timeout is None else time.monotonic() + timeout
    last: Job | None = None
    while True:
        seen = replica.changes
        job = replica.read(lambda connection: known_job(connection, job_id))
        if job != last:
            yield job
            last = job
        if job.finished:
            return
        left = LOOK_EVERY_S if give_up_at is None else give_up_at - time.monotonic()
        if left <= 0:
            raise WaitTimeout(f"job {job_id} is still {job.shown}", hint="it goes on; wait again, or watch it")
        replica.wait_for_change(seen, min(left, LOOK_EVERY_S))
