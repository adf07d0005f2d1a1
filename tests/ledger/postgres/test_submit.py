"""``ledger.submit``: a request from a session that is online, from a trigger, or in an app's own transaction."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from databases import Database
from ledger_calls import Draft, Worker, assert_projection_is_fold, cancel, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow
from waiting import until

from ledger.model.ids import new_id


def submit(client: Connection[DictRow], arguments: str = "'noop'", **values: Any) -> UUID:
    row = client.execute(f"select ledger.submit({arguments}) as id".encode(), values).fetchone()
    assert row is not None
    return UUID(str(row["id"]))


def request_of(database: Database, job: UUID) -> Any:
    row = (
        database.connect()
        .execute("select data::text from ledger.events where job_id = %(job)s", {"job": job})
        .fetchone()
    )
    assert row is not None
    return json.loads(row["data"])


WITH_KEY = "'noop', key => 'daily'"


def test_a_key_finds_the_unfinished_job(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    job = submit(alice, WITH_KEY)
    assert submit(alice, "'noop', '{\"other\": 1}', key => 'daily'") == job, "not in order yet"
    sequence(owner)
    assert submit(alice, WITH_KEY) == job
    worker = Worker(database.connect("worker"))
    (claimed,) = worker.claim()
    assert submit(alice, WITH_KEY) == job, "running"
    worker.record((claimed, "job.completed", {}))
    again = submit(alice, WITH_KEY)
    assert again != job
    assert submit(alice, WITH_KEY) == again
    sequence(owner)
    cancel(alice, again)
    sequence(owner)
    assert submit(alice, WITH_KEY) not in (job, again)
    assert_projection_is_fold(owner)


def test_a_key_counts_within_an_owner_a_namespace_and_a_name(database: Database) -> None:
    alice, bob = database.connect("app_alice"), database.connect("app_bob")
    others = [
        "'other', key => 'daily'",
        "'noop', namespace => 'n', key => 'daily'",
        "'noop', key => 'weekly'",
        "'noop'",
    ]
    jobs = {submit(alice, WITH_KEY), submit(bob, WITH_KEY), *(submit(alice, arguments) for arguments in others)}
    assert len(jobs) == 6


def test_a_key_finds_a_job_that_came_from_a_file(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    (job,) = push_jobs(alice, 1, key="daily")
    sequence(owner)
    assert submit(alice, WITH_KEY) == job
    assert submit(alice, WITH_KEY) == job
    worker = Worker(database.connect("worker"))
    worker.record((worker.claim()[0], "job.completed", {}))
    assert submit(alice, WITH_KEY) != job
    assert_projection_is_fold(owner)


def test_the_same_job_id_with_its_key_is_asked_for_once(database: Database) -> None:
    alice, owner, job = database.connect("app_alice"), database.connect(), new_id()
    for _ in range(2):
        assert submit(alice, "'noop', key => 'daily', job_id => %(job)s", job=job) == job
    sequence(owner)
    assert submit(alice, "'noop', key => 'daily', job_id => %(job)s", job=job) == job
    assert owner.execute("select count(*) as n from ledger.events where type = 'job.requested'").fetchone() == {"n": 1}


def test_of_two_sessions_that_ask_at_the_same_moment_one_makes_the_job(database: Database) -> None:
    owner, first = database.connect(), database.connect("app_alice", autocommit=False)
    owner.execute("select ledger.ensure_epoch()")
    given: list[UUID] = []
    job = submit(first, WITH_KEY)
    others = [database.connect("app_alice") for _ in range(3)]
    threads = [threading.Thread(target=lambda c=c: given.append(submit(c, WITH_KEY))) for c in others]
    for thread in threads:
        thread.start()
    waiting = "select count(distinct pid) as n from pg_locks where not granted"
    until(lambda: (row := owner.execute(waiting).fetchone()) is not None and row["n"] == 3, "all to wait for the first")
    push_jobs(database.connect("app_alice"), 1, key="daily")
    assert sequence(owner) > 0, "nobody else is held up"
    first.commit()
    for thread in threads:
        thread.join()
    assert given == [job] * 3


def test_a_key_of_a_transaction_that_was_rolled_back_is_free(database: Database) -> None:
    alice = database.connect("app_alice", autocommit=False)
    gone = submit(alice, WITH_KEY)
    alice.rollback()
    job = submit(alice, WITH_KEY)
    alice.commit()
    assert job != gone
    assert request_of(database, job)["key"] == "daily"


def test_a_null_argument_is_one_that_was_not_given(database: Database) -> None:
    alice = database.connect("app_alice")
    job = submit(
        alice,
        "'noop', params => null, namespace => null, priority => null, run_at => null, limits => null, key => null,"
        " labels => null, job_id => null, on_behalf_of => null",
    )
    assert request_of(database, job) == {"name": "noop", "params": {}}
    with pytest.raises(psycopg.Error, match="job refused: invalid: name must be a text"):
        submit(alice, "null")


def test_a_null_within_labels_and_params_is_kept(database: Database) -> None:
    alice = database.connect("app_alice")
    job = submit(alice, """'noop', '{"a": null, "b": [null]}', labels => '{"team": null, "n": 1.50}'""")
    assert request_of(database, job) == {
        "name": "noop", "namespace": "default", "priority": 0, "params": {"a": None, "b": [None]},
        "labels": {"team": None, "n": 1.5},
    }  # fmt: skip


def test_what_is_asked_for_is_kept_exactly(database: Database) -> None:
    alice = database.connect("app_alice")
    given = '{"n": 9007199254740993, "x": 1.50, "s": "\\u00e9\\\\"}'
    at = datetime(2030, 1, 1, 12, tzinfo=UTC)
    job = submit(alice, "'a \"quoted\" \\name', %(params)s::json, run_at => %(at)s", params=given, at=at)
    row = database.connect().execute("select data::text from ledger.events").fetchone()
    assert row is not None
    assert f'"params":{given}' in row["data"]
    assert request_of(database, job)["run_at"] == "2030-01-01T12:00:00.000000Z"


def test_params_that_are_null_in_a_pushed_event_are_none(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push(alice, new_id(), 0, [Draft(data='{"name": "noop", "params": null}')])
    assert sequence(owner) == 1
    assert_projection_is_fold(owner)


def test_a_trigger_requests_a_job_with_the_row_that_it_is_about(database: Database) -> None:
    """As docs/server.md has it: the job is there when the transaction has committed, and not otherwise."""
    owner, alice = database.connect(), database.connect("app_alice")
    owner.execute(
        """
        create table orders (id bigint primary key, note jsonb);
        grant insert on orders to app_alice;
        create function request_invoice() returns trigger language plpgsql as $$
        begin
            perform ledger.submit('invoice', params => json_build_object('order', new.id), labels => new.note::json,
                                  key => 'order ' || new.id);
            return null;
        end
        $$;
        create trigger request_invoice after insert on orders for each row execute function request_invoice();"""
    )
    alice.execute("begin; insert into orders values (1, '{}'); rollback")
    alice.execute("insert into orders values (2, '{\"team\": null}')")
    rows = owner.execute("select owner, data::text from ledger.events where type = 'job.requested'").fetchall()
    assert [(row["owner"], json.loads(row["data"])["params"]) for row in rows] == [("app_alice", {"order": 2})]


def test_it_runs_at_read_committed_only(database: Database) -> None:
    alice = database.connect("app_alice")
    alice.execute("set default_transaction_isolation = 'repeatable read'")
    with pytest.raises(psycopg.Error, match="needs isolation level read committed"):
        submit(alice)
