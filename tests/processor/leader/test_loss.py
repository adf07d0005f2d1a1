"""Attempts whose processor is gone, as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from processor.entry import Entry
from processor.handlers.retry import RetryPolicy
from processor.leader.loss import conclude_loss

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(jitter=0)


def read(entries: list[Entry]) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.type, json.loads(entry.data)) for entry in entries]


def test_a_lost_attempt_starts_again_at_once_and_a_job_that_is_lost_too_often_fails() -> None:
    [lost] = read(conclude_loss(1, 0, "0190a000-0000-7000-8000-000000000000", "lock", NOW, POLICY))
    assert lost[0] == "attempt.lost"
    assert lost[1]["retry_at"] == "2026-01-01T00:00:00Z"
    assert lost[1]["noticed_by"] == "lock"
    [lost, ended] = read(conclude_loss(6, 5, "0190a000-0000-7000-8000-000000000000", "lock", NOW, POLICY))
    assert lost[1]["retry_at"] is None
    assert ended[0] == "job.failed"
    assert ended[1]["error"]["type"] == "Lost"
