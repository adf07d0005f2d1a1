"""The catalogue: every type is told apart, and what is not known is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from histories import DATA, events
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ledger.model.events import (
    CATALOGUE,
    CLIENT_TYPES,
    UPCASTERS,
    Envelope,
    Event,
    JobRequested,
    RequestedData,
    UnknownEvent,
    parse_event,
    write_data,
)
from ledger.model.ids import uuid7


def row(**fields: Any) -> dict[str, Any]:
    return {
        "id": uuid7(1, 1),
        "job_id": uuid7(1, 2),
        "owner": "a",
        "actor": "a",
        "occurred_at": "2026-01-01T00:00:00Z",
        **fields,
    }


OPERATORS = {
    "processor.started", "processor.stopped", "processor.lost", "replica.forked", "replica.rewound",
    "delegation.granted", "delegation.revoked",
}  # fmt: skip
"""What people and processors do to the system itself."""


def test_the_catalogue_is_the_designs() -> None:
    assert set(CATALOGUE) - OPERATORS == {
        "job.requested", "job.cancel_requested", "attempt.started", "attempt.progressed", "attempt.logged",
        "step.completed", "attempt.failed", "attempt.deferred", "attempt.lost", "attempt.superseded", "job.completed",
        "job.failed", "job.cancelled",
    }  # fmt: skip
    assert {"job.requested", "job.cancel_requested"} == CLIENT_TYPES
    assert all(model.model_fields["type"].default == kind for kind, model in CATALOGUE.items())


@given(events())
def test_an_event_survives_a_round_trip(event: Event) -> None:
    assert parse_event(event.model_dump(round_trip=True)) == event


@given(st.sampled_from(sorted(DATA)), st.data())
def test_unknown_fields_survive(kind: str, data: st.DataObject) -> None:
    content = {**data.draw(DATA[kind]), "added_later": {"x": [1]}}
    event = parse_event(row(type=kind, data=json.dumps(content), sent_by="a newer client"))
    again = event.model_dump(round_trip=True)
    assert json.loads(again["data"])["added_later"] == {"x": [1]}
    assert again["sent_by"] == "a newer client"


@pytest.mark.parametrize("fields", [{"type": "job.praised"}, {"type": "job.requested", "v": 2}])
def test_an_unknown_type_or_version_keeps_its_exact_text(fields: dict[str, Any]) -> None:
    text = '{"b":1.50,  "a":null}'
    event = parse_event(row(data=text, **fields))
    assert isinstance(event, UnknownEvent)
    assert event.data == text


def test_an_older_version_is_read_through_its_upcaster(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(old: dict[str, Any]) -> dict[str, Any]:
        return {**old, "v": 1, "data": old["data"].replace("task", "name")}

    monkeypatch.setitem(UPCASTERS, ("job.requested", 0), rename)
    event = parse_event(row(type="job.requested", v=0, data='{"task": "count"}'))
    assert isinstance(event, JobRequested)
    assert event.data.name == "count"


def test_events_cannot_be_changed() -> None:
    event = parse_event(row(type="job.requested", data='{"name": "x"}'))
    with pytest.raises(ValidationError):
        event.owner = "mallory"
    assert isinstance(event, Envelope)


def test_written_data_holds_only_what_was_given() -> None:
    assert write_data(RequestedData(name="x", params={"n": 1})) == '{"name":"x","params":{"n":1}}'
