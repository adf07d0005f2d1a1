"""The catalogue: every type has a model of its own, and an unknown one is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from events_page import PAGE, page
from histories import DATA, events
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ledger.model.catalogue import CATALOGUE, CLIENT_TYPES
from ledger.model.data import GivenRequest, JobCancelledData, JobCompletedData, JobFailedData, RequestedData, write_data
from ledger.model.events import UPCASTERS, Envelope, Event, UnknownEvent, parse_event
from ledger.model.facts import read_fact
from ledger.model.fold import _EFFECTS
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
    "delegation.granted", "delegation.revoked", "job.retired", "payload.erased",
}  # fmt: skip
"""What people and processors do to the system itself."""


def test_the_catalogue_is_the_designs() -> None:
    assert set(CATALOGUE) - OPERATORS == {
        "job.requested", "job.cancel_requested", "job.signalled", "attempt.started", "attempt.progressed",
        "attempt.logged", "step.completed", "attempt.failed", "attempt.deferred", "attempt.suspended", "attempt.lost",
        "attempt.superseded", "attempt.traced", "job.completed", "job.failed", "job.cancelled",
    }  # fmt: skip
    assert {"job.requested", "job.cancel_requested", "job.signalled"} == CLIENT_TYPES
    assert all(entry.type == kind for kind, entry in CATALOGUE.items())


def test_what_has_an_effect_in_the_catalogue_has_one_in_the_fold() -> None:
    for entry in CATALOGUE.values():
        ends = entry.data in (JobCompletedData, JobFailedData, JobCancelledData)
        assert (entry.data in _EFFECTS) == (entry.effect is not None), entry.type
        assert ends == (entry.effect or "").startswith("→"), entry.type


def test_the_page_about_events_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tests/support/events_page.py"


@pytest.mark.parametrize(
    "unfit", [{"order_key": 5}, {"unique": "x"}, {"traceparent": "x"}, {"files": ["x"]}, {"files": {"a": 1}}]
)
def test_a_field_that_nobody_checked_when_it_was_written_reads_as_not_given(unfit: dict[str, Any]) -> None:
    text = json.dumps({"name": "x", "priority": 7, **unfit})
    event = parse_event(row(type="job.requested", data=text))
    assert isinstance(event.data, RequestedData)
    assert (event.data.priority, event.data.order_key, event.data.files) == (7, None, None)
    fact = read_fact(str(event.id), "job.requested", 1, "a", "a", "2026-01-01T00:00:00Z", text)
    assert (fact.data.priority, fact.data.unique, fact.data.traceparent) == (7, None, None)
    with pytest.raises(ValidationError):
        GivenRequest.model_validate_json(text)


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
    assert isinstance(event.data, RequestedData)
    assert event.data.name == "count"


def test_events_cannot_be_changed() -> None:
    event = parse_event(row(type="job.requested", data='{"name": "x"}'))
    with pytest.raises(ValidationError):
        event.owner = "mallory"
    assert isinstance(event, Envelope)


def test_written_data_holds_only_what_was_given() -> None:
    assert write_data(RequestedData(name="x", params={"n": 1})) == '{"name":"x","params":{"n":1}}'
