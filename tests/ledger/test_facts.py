"""What the fold reads of an event: the same as the whole event says."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.events import UPCASTERS, parse_event
from ledger.facts import read_fact
from ledger.ids import uuid7


def test_a_fact_reads_an_old_version_as_the_event_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "v": 2}

    monkeypatch.setitem(UPCASTERS, ("job.requested", 1), renamed)
    at = "2026-01-01T00:00:00Z"
    row: dict[str, Any] = {"id": str(uuid7(3, 3)), "type": "job.requested", "v": 1, "owner": "a", "actor": "a",
                           "data": '{"name": "x"}'}  # fmt: skip
    assert type(read_fact(**row, at=at).data) is type(parse_event({**row, "occurred_at": at}).data)
