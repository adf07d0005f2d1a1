"""How a processor is set up."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ledger.errors import LedgerError
from processor.handlers.retry import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything about a processor but its handlers and its database. Times are in seconds.

    ``concurrency`` bounds the async handlers that run at a time, ``threads`` the plain ones; ``batch`` is the most
    jobs that one claim takes. ``poll_interval``: work starts at most so late when every notification is lost.
    ``lease``: a processor that holds its lock and sends no heartbeat is given up after so long; it stops its own jobs
    after half of that. ``grace``: one whose lock is free is given up after so long.
    """

    namespaces: tuple[str, ...] = ("default",)
    concurrency: int = 100
    threads: int = field(default_factory=lambda: max(4, 2 * (os.cpu_count() or 1)))
    batch: int = 1000
    poll_interval: float = 5.0
    drain_timeout: float = 30.0
    heartbeat: float = 0.5
    grace: float = 1.0
    lease: float = 30.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        if not self.namespaces:
            raise LedgerError("a processor needs a namespace to serve", hint="the usual one is 'default'")
        for name in ("concurrency", "threads", "batch"):
            if getattr(self, name) < 1:
                raise LedgerError(f"{name} must be 1 or more")
        for name in ("poll_interval", "heartbeat", "lease"):
            if getattr(self, name) <= 0:
                raise LedgerError(f"{name} must be more than 0 seconds")
        if self.drain_timeout < 0 or self.grace < 0:
            raise LedgerError("drain_timeout and grace must not be negative")
        if self.heartbeat * 4 > self.lease:
            raise LedgerError(f"a lease of {self.lease:g} s is too short for a heartbeat every {self.heartbeat:g} s")
