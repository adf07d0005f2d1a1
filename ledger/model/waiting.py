"""Why a pending job does not start yet: one list of words, for the fold, the server's queue and all that is shown.

The list is open: a newer server or processor may use other words, and they are shown as they are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class WaitingReason(StrEnum):
    """What ``ledger.queue`` has as ``reason``; where it has none, the job may start. ``NO_HANDLER`` is in no row."""

    DUE = "due"
    RETRYING = "retrying"
    PAUSED = "paused"
    LIMIT = "limit"
    ORDER = "order"
    CHILDREN = "children"
    SIGNAL = "signal"
    ROLE = "role"
    FILES = "files"
    NO_HANDLER = "no handler"


MEANINGS: Final[dict[str, str]] = {
    WaitingReason.DUE: "its time has not come",
    WaitingReason.RETRYING: "its last attempt failed or was lost, and the time of the next one has not come",
    WaitingReason.PAUSED: "an operator has paused it",
    WaitingReason.LIMIT: "as many jobs as may run are running",
    WaitingReason.ORDER: "a job that has to come before it has not ended",
    WaitingReason.CHILDREN: "jobs that it has asked for have not ended",
    WaitingReason.SIGNAL: "a signal has not come",
    WaitingReason.ROLE: "no processor of the role that it needs is there",
    WaitingReason.FILES: "files that it needs are not on the server",
    WaitingReason.NO_HANDLER: "no processor that is running has a handler for it",
}
"""What each word says about the job, to follow "it waits:"."""
