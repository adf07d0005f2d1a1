"""How attempts end: what a call's end stands for, and the events that record it."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from ledger.model.data import JobError
from processor.handlers.outcome import Cancelled, Deferred, Retry
from processor.handlers.stopping import StopReason
from processor.handlers.written import WrittenResult
from processor.work.conclude import conclude, conclude_completion, conclude_trouble

if TYPE_CHECKING:
    from processor.entry import Entry
    from processor.handlers.call import CallEnd
    from processor.handlers.retry import RetryPolicy
    from processor.handlers.written import WrittenOutcome
    from processor.session.clock import ServerClock
    from processor.work.attempt import ActiveAttempt

logger = logging.getLogger(__name__)


def outcome_of(attempt: ActiveAttempt, end: CallEnd) -> WrittenOutcome | None:
    """The outcome that the end of a call stands for; None where nothing may be recorded any more."""
    match end:
        case StopReason.CANCEL:
            return Cancelled()
        case StopReason.TIMEOUT:
            return timed_out(attempt)
        case StopReason.DRAIN:
            return Deferred(after=0)
        case StopReason.LOST:
            return None
        case outcome:
            return outcome


def timed_out(attempt: ActiveAttempt, took_s: float | None = None) -> Retry:
    """The outcome of an attempt that ran out of time. ``took_s``: how long its function took, if it has returned."""
    message = f"attempt {attempt.job.attempt} had {attempt.timeout_s:g} s"
    if took_s is not None:
        message += f", and returned after {took_s:.1f} s"
    return Retry(error=JobError(type="Timeout", message=message, retryable=True))


class EndEvents:
    """Makes the events with which attempts end, by the server's clock and the retry policy."""

    def __init__(self, clock: ServerClock, policy: RetryPolicy) -> None:
        self._clock = clock
        self._policy = policy

    def of(self, attempt: ActiveAttempt, outcome: WrittenOutcome) -> list[Entry]:
        """The events of this outcome."""
        if isinstance(outcome, WrittenResult):
            return conclude_completion(attempt.job, outcome.text)
        handler = attempt.handler
        return conclude(
            attempt.job,
            outcome,
            self._clock.now(),
            handler.retry or self._policy,
            max_attempts=handler.max_attempts,
            chance=random.random(),  # noqa: S311  # spreads retries, protects nothing
        )

    def last(self, attempt: ActiveAttempt, outcome: WrittenOutcome) -> list[Entry]:
        """All that is left to record: first what the attempt has said, then its end. Raises nothing."""
        try:
            return [*attempt.take_reports(), *self.of(attempt, outcome)]
        except BaseException as error:
            logger.exception("job %s: how it ended cannot be recorded", attempt.job.job_id)
            return conclude_trouble(attempt.job, error)
