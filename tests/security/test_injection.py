"""SQL in every text that a client can send: it stays a text."""

from __future__ import annotations

import json

import psycopg
import pytest
from ledger_calls import Draft
from security.attacked_ledger import AttackedLedger, value, with_text

from ledger.model.protocol import Accepted

INJECTIONS = [
    "'; update ledger.jobs set status = 'cancelled'; --",
    "'); drop schema ledger cascade; --",
    "$$; delete from ledger.queue; $$",
    "\\'; truncate ledger.queue; --",
    "%s %(x)s %I %L %1$s %n",
    '{"a","b"}',
    "app_bob",
    "job.cancel_requested', 1, '{}') --",
    "x' or owner = 'app_bob",
    "\u2028\ufeff'; select pg_sleep(9); --",
]
FIELDS = ["type", "data", "job_id", "id", "occurred_at", "correlation_id", "causation_id"]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_p11_sql_in_an_argument_of_push(attacked: AttackedLedger, field: str, text: str) -> None:
    with attacked.only_alices():
        draft = with_text(field, text)
        assert len(attacked.refused(draft)) == 1


@pytest.mark.parametrize("text", INJECTIONS)
def test_p11_sql_within_a_request(attacked: AttackedLedger, text: str) -> None:
    data = {"name": text, "namespace": text, "params": {text: text}, "key": text, "labels": {text: text}}
    with attacked.only_alices():
        draft = Draft(data=json.dumps(data))
        assert attacked.refused(draft, Draft("job.cancel_requested", json.dumps({"reason": text}), draft.job_id)) == []
        row = attacked.owner.execute(
            "select data::text as data from ledger.events where id = %(id)s::uuid", {"id": draft.id}
        )
        assert row.fetchall() == [{"data": draft.data}]


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize("argument", ["name", "namespace", "key"])
def test_p11_sql_in_an_argument_of_submit(attacked: AttackedLedger, argument: str, text: str) -> None:
    with attacked.only_alices():
        given = {"name": "x", argument: text}
        call = ", ".join(f"{name} => %({name})s" for name in given)
        job = value(attacked.alice, f"select ledger.submit({call})", **given)
    [stored] = [json.loads(event["text"]) for event in attacked.events() if event["job_id"] == job]
    assert {name: stored[name] for name in given} == given


@pytest.mark.parametrize("argument", ["params", "labels", "limits"])
@pytest.mark.parametrize(
    "text", ['{"a": 1}, "owner": "app_bob"}', "{}}}", '{"a": 1} --', "[]", '"x"', "1", "null", '{},"name":"forged"', ""]
)
def test_p11_breaking_out_of_the_json_of_submit(attacked: AttackedLedger, argument: str, text: str) -> None:
    """The data of a submitted job is put together as text: only whole JSON values get there."""
    with attacked.only_alices():
        try:
            attacked.alice.execute(
                f"select ledger.submit('honest', {argument} => %(text)s::json)".encode(), {"text": text}
            )
        except psycopg.Error as error:
            assert error.sqlstate in ("22P02", "JL003")  # noqa: PT017  some of the texts are JSON
    assert {json.loads(event["text"])["name"] for event in attacked.events()} <= {"honest", "noop", "bobs-secret"}


def test_p11_sql_in_the_name_of_the_session(attacked: AttackedLedger) -> None:
    attacked.alice.execute("select set_config('application_name', %(name)s, false)", {"name": INJECTIONS[0]})
    with attacked.only_alices():
        assert isinstance(attacked.push(attacked.alices_replica, 1, Draft()), Accepted)
