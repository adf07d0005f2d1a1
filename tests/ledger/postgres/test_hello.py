"""``ledger.hello``: what a client has to know before it sends or reads, in one question."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from databases import Database
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.model.catalogue import CLIENT_TYPES

ALICE = "app_alice"


def hello(connection: Connection[DictRow], said: object = None, on_behalf_of: str | None = None) -> dict[str, Any]:
    row = connection.execute(
        "select ledger.hello(%(said)s::json, %(owner)s) as answer",
        {"said": None if said is None else json.dumps(said), "owner": on_behalf_of},
    ).fetchone()
    assert row is not None
    assert isinstance(row["answer"], dict)
    return row["answer"]


def test_the_answer_is_what_three_questions_gave(database: Database) -> None:
    owner, client = database.connect(), database.connect(ALICE)
    owner.execute("update ledger.limits set max_batch_events = 7")
    answer = hello(client)
    assert answer["login"] == answer["owner"] == ALICE
    limits = client.execute("select * from ledger.limits").fetchone()
    assert limits is not None
    assert answer["limits"] == {key: value for key, value in limits.items() if key != "only_row"}
    page = client.execute("select epoch::text from ledger.pull(0)").fetchone()
    assert page is not None
    assert answer["epoch"] == page["epoch"]
    clock = owner.execute(
        "select %(time)s::timestamptz <= clock_timestamp() as past", {"time": answer["time"]}
    ).fetchone()
    assert clock == {"past": True}
    assert set(answer["capabilities"]["accepts"]) == CLIENT_TYPES


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ({}, 1),
        (None, 1),
        ({"protocol": {"oldest": 1, "newest": 1}}, 1),
        ({"protocol": {"oldest": 1, "newest": 999}}, 1),
        ({"protocol": {"oldest": 2, "newest": 999}}, None),
        ({"protocol": {"oldest": 0, "newest": 0}}, None),
    ],
)
def test_both_speak_the_highest_number_that_both_know(database: Database, said: object, spoken: int | None) -> None:
    protocol = hello(database.connect(ALICE), said)["protocol"]
    assert protocol["oldest"] <= protocol["newest"]
    assert protocol["spoken"] == spoken


@pytest.mark.parametrize(
    "said",
    [
        {"new": {"in": ["2031"]}, "capabilities": {"folds": True}, "version": "9.9.9"},
        {"protocol": "1"},
        {"protocol": {"oldest": "x", "newest": 1e300}},
        {"protocol": {"oldest": -1, "newest": 99999999999}},
        [],
        "hello",
        1,
    ],
)
def test_p14_what_is_not_known_is_ignored(database: Database, said: object) -> None:
    assert hello(database.connect(ALICE), said)["protocol"]["spoken"] == 1


def test_p11_an_owner_is_shown_only_to_who_may_act_for_it(database: Database) -> None:
    owner, client = database.connect(), database.connect(ALICE)
    owner.execute("select ledger.delegate('app_alice', 'tenant-7', true)")
    assert hello(client, on_behalf_of="tenant-7")["owner"] == "tenant-7"
    assert hello(client, on_behalf_of="app_bob")["owner"] is None


def test_only_clients_may_ask(database: Database) -> None:
    for login in ("auditor", "worker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hello(database.connect(login))
