"""Events of attempts, as they are recorded."""

from __future__ import annotations

from uuid import UUID

import pytest

from ledger.postgres.store.work import columns
from processor.attempt_events import attempt_events
from processor.entry import Entry


def test_events_of_one_attempt_have_ids_in_their_order() -> None:
    entries = [Entry("attempt.progressed", "{}"), Entry("job.completed", "{}")]
    rows = attempt_events("0190", 3, entries, 1_767_225_600_000_123_999)
    assert [row.type for row in rows] == ["attempt.progressed", "job.completed"]
    assert rows[0].id < rows[1].id
    assert {(row.attempt, row.occurred_at) for row in rows} == {("3", "2026-01-01T00:00:00.000123Z")}
    as_arrays = columns(UUID(int=0), rows)
    assert as_arrays["attempts"] == "{3,3}"
    assert as_arrays["types"] == "{attempt.progressed,job.completed}"


def test_there_is_no_statement_without_a_row() -> None:
    """Whoever has none does not ask: see the recorder's test of nothing to record."""
    with pytest.raises(ValueError, match="unpack"):
        columns(UUID(int=0), [])
