"""What a claim gives the processor: a job, and the attempt of it that has just started."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Claimed(NamedTuple):
    """One row of ``ledger.claim``, in the order in which it is selected. Ids are texts: they only travel through.

    ``failures`` and ``losses`` count the attempts before this one. ``request`` is the JSON text of the job's
    ``job.requested``, as its author wrote it.
    """

    job_id: str
    name: str
    attempt: int
    failures: int
    losses: int
    max_attempts: int | None
    timeout_ms: int | None
    owner: str
    requested_at: datetime
    request: str
