"""Handlers for jobs, and the service that runs them (``processor.service.serve``, or ``jobledger serve``)."""

from processor.context import JobCancelled, JobContext
from processor.outcome import Cancelled, Completed, Deferred, Failed, Permanent, Retry
from processor.registry import InvalidHandler, Registry
from processor.retry import RetryPolicy

__all__ = [
    "Cancelled",
    "Completed",
    "Deferred",
    "Failed",
    "InvalidHandler",
    "JobCancelled",
    "JobContext",
    "Permanent",
    "Registry",
    "Retry",
    "RetryPolicy",
]
