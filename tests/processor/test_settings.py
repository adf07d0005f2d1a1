"""Settings that cannot work are refused, each with what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import LedgerError
from processor.settings import Settings


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"namespaces": ()}, "a processor needs a namespace"),
        ({"concurrency": 0}, "concurrency must be 1 or more"),
        ({"threads": 0}, "threads must be 1 or more"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"poll_interval": 0}, "poll_interval must be more than 0 seconds"),
        ({"heartbeat": 0}, "heartbeat must be more than 0 seconds"),
        ({"lease": 0}, "lease must be more than 0 seconds"),
        ({"drain_timeout": -1}, "drain_timeout and grace must not be negative"),
        ({"grace": -1}, "drain_timeout and grace must not be negative"),
        ({"heartbeat": 1, "lease": 3.9}, "a lease of 3.9 s is too short for a heartbeat every 1 s"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(LedgerError, match=complaint):
        Settings(**given)


def test_the_borders_are_allowed() -> None:
    Settings(concurrency=1, threads=1, batch=1, drain_timeout=0, grace=0, heartbeat=1, lease=4)
