"""The end of an attempt whose processor is gone, as events: pure."""

from __future__ import annotations

from datetime import datetime

from ledger.model.data import AttemptLostData, JobError, JobFailedData, write_data
from processor.entry import Entry
from processor.handlers.retry import RetryPolicy


def conclude_loss(
    attempt: int,
    losses: int,
    processor: str,
    noticed_by: str,
    now: datetime,
    policy: RetryPolicy,
    *,
    alone: bool | None = None,
    chance: float = 0.0,
) -> list[Entry]:
    """The events for an attempt whose processor is gone.

    ``losses`` are those before this one that count. ``alone`` says whether this one does, once it should have run so.
    """
    if alone is False:
        retry_at: datetime | None = now + policy.wait(max(losses, 1), chance)
    else:
        retry_at = policy.after_loss(losses + 1, now, chance=chance)
    lost = AttemptLostData.model_validate(
        {"attempt": attempt, "processor": processor, "noticed_by": noticed_by, "retry_at": retry_at, "alone": alone}
    )
    entries = [Entry("attempt.lost", write_data(lost))]
    if retry_at is None:
        message = f"{losses + 1} attempts were lost together with their processors"
        error = JobError(type="Lost", message=message, retryable=True)
        entries.append(Entry("job.failed", write_data(JobFailedData(attempts=attempt, error=error))))
    return entries
