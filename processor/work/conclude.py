"""How an attempt ended, as events: pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ledger.model.data import AttemptDeferredData, AttemptFailedData, JobError, JobFailedData, write_data
from ledger.model.times import later, within_reach
from processor.entry import Entry
from processor.handlers.outcome import Cancelled, Deferred, Failed, Outcome, Retry
from processor.handlers.retry import RetryPolicy
from processor.handlers.written import WrittenResult, describe, describe_trouble, write_outcome

if TYPE_CHECKING:
    from ledger.ports.store import Claimed


def conclude(
    job: Claimed,
    outcome: Outcome | WrittenResult,
    now: datetime,
    policy: RetryPolicy,
    *,
    max_attempts: int | None = None,
    chance: float = 0.0,
) -> list[Entry]:
    """The events that record how this attempt ended.

    ``now`` is the server's time, ``chance`` a random number from 0 up to 1, ``max_attempts`` the handler's own (what
    the job asks for goes before it).
    """
    written = outcome if isinstance(outcome, WrittenResult) else write_outcome(outcome)
    match written:
        case WrittenResult(text):
            return conclude_completion(job, text)
        case Retry(after, error):
            limit = job.max_attempts if job.max_attempts is not None else max_attempts
            retry_at = policy.after_failure(job.failures + 1, now, max_attempts=limit, chance=chance)
            if retry_at is not None and after is not None:
                retry_at = later(now, after)
            reason = "the handler asked for another attempt" if error is None else error
            return _failed(job, describe(reason, retryable=True), retry_at)
        case Failed(error):
            return _failed(job, describe(error, retryable=False), None)
        case Deferred(until, after):
            at = within_reach(until) if until is not None else later(now, after or 0)
            return [Entry("attempt.deferred", write_data(AttemptDeferredData(attempt=job.attempt, until=at)))]
        case Cancelled():
            return [Entry("job.cancelled", f'{{"attempt":{job.attempt}}}')]


def conclude_completion(job: Claimed, text: str | None) -> list[Entry]:
    """``conclude`` for what most attempts come to: it needs no time and no policy."""
    if text is None:
        return [Entry("job.completed", f'{{"attempt":{job.attempt}}}')]
    return [Entry("job.completed", f'{{"attempt":{job.attempt},"result":{text}}}')]


def conclude_trouble(job: Claimed, error: BaseException) -> list[Entry]:
    """The events for an attempt whose end cannot be recorded as it was: the job fails, and says why."""
    return _failed(job, describe_trouble(error, "Unrecordable", "how it ended cannot be recorded"), None)


def _failed(job: Claimed, error: JobError, retry_at: datetime | None) -> list[Entry]:
    failed = AttemptFailedData(attempt=job.attempt, error=error, retry_at=retry_at)
    entries = [Entry("attempt.failed", write_data(failed))]
    if retry_at is None:
        entries.append(Entry("job.failed", write_data(JobFailedData(attempts=job.attempt, error=error))))
    return entries
