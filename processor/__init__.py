"""Handlers for jobs, and the service that runs them (``processor.service.serve``, or ``jobledger serve``).

Imports ``ledger``; ``jobledger`` imports it. It does not know ``client_sync``.
"""

from processor.handlers.context import JobContext
from processor.handlers.outcome import Cancelled, Completed, Deferred, Failed, Permanent, Retry
from processor.handlers.registry import Registry
from processor.handlers.retry import RetryPolicy
from processor.handlers.signature import InvalidHandler
from processor.handlers.stopping import JobCancelled

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
