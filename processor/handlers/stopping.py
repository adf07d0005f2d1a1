"""Why a running attempt is asked to stop, and the error that stops its handler."""

from __future__ import annotations

from enum import Enum

from ledger.errors import LedgerError


class StopReason(Enum):
    """Why a running attempt is asked to stop; the value completes the sentence 'it has to stop: ...'."""

    CANCEL = "its job was cancelled"
    TIMEOUT = "it ran out of time"
    DRAIN = "its processor is shutting down"
    LOST = "it is no longer this processor's"


class JobCancelled(LedgerError):
    """The attempt was asked to stop: its job was cancelled, it ran out of time, or its processor stops or lost it.

    Raised in the handler, which should let it pass. What is recorded depends on the reason, not on the handler.
    """
