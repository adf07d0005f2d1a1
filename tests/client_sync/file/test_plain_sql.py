"""A program in any language takes part with SQL alone: no driver, no code of ours."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from stepwise import Server

from client_sync import JobClient

REQUEST = "insert into events (type, data) values ('job.requested', :data)"


def test_one_insert_is_a_valid_submission(plain: sqlite3.Connection, jobs: JobClient) -> None:
    plain.execute(REQUEST, {"data": '{"name": "count-words", "params": {"path": "a.txt"}}'})
    ((event_id, job_id, number, occurred_at, owner),) = plain.execute(
        "select id, job_id, local_seq, occurred_at, owner from events"
    )
    assert UUID(event_id).version == 7
    assert UUID(event_id).variant == "specified in RFC 4122"
    assert number == 1
    assert owner is None, "the server will say whose it is"
    assert abs(datetime.fromisoformat(occurred_at) - datetime.now(UTC)) < timedelta(minutes=1)
    job = jobs.get(job_id)
    assert (job.name, job.status, job.standing, job.shown) == ("count-words", "pending", "saved", "saved")


def test_the_id_carries_the_time(plain: sqlite3.Connection) -> None:
    plain.execute(REQUEST, {"data": '{"name": "a"}'})
    ((event_id, occurred_at),) = plain.execute("select id, occurred_at from events")
    made_at = datetime.fromtimestamp((UUID(event_id).int >> 80) / 1000, UTC)
    assert abs(made_at - datetime.fromisoformat(occurred_at)) <= timedelta(milliseconds=1)


def test_ids_do_not_repeat(plain: sqlite3.Connection) -> None:
    plain.execute("begin")
    for _ in range(2000):
        plain.execute(REQUEST, {"data": '{"name": "a"}'})
    plain.execute("commit")
    assert plain.execute("select count(distinct id), max(local_seq) from events").fetchone() == (2000, 2000)


def test_the_author_may_choose_the_ids(plain: sqlite3.Connection, jobs: JobClient) -> None:
    plain.execute(
        "insert into events (id, job_id, type, data) values (:id, :job_id, 'job.requested', :data)",
        {
            "id": "01970000-0000-7000-8000-000000000001",
            "job_id": "01970000-0000-7000-8000-000000000002",
            "data": '{"name": "a"}',
        },
    )
    assert jobs.get("01970000-0000-7000-8000-000000000002").name == "a"


def test_a_cancel_takes_effect_at_once(plain: sqlite3.Connection) -> None:
    plain.execute(REQUEST, {"data": '{"name": "a", "run_at": "2030-01-01T00:00:00Z"}'})
    ((job_id,),) = plain.execute("select job_id from jobs")
    plain.execute("insert into events (job_id, type) values (:job_id, 'job.cancel_requested')", {"job_id": job_id})
    row = plain.execute("select status, shown, run_at from shown_jobs").fetchone()
    assert row == ("cancelled", "cancelling", None), "asked for here; it is over when the server says so"


def test_a_cancel_may_come_before_its_request(plain: sqlite3.Connection) -> None:
    key = {"job_id": "01970000-0000-7000-8000-000000000002"}
    plain.execute("insert into events (job_id, type) values (:job_id, 'job.cancel_requested')", key)
    plain.execute("insert into events (job_id, type, data) values (:job_id, 'job.requested', '{\"name\": \"a\"}')", key)
    assert plain.execute("select status from jobs").fetchone() == ("cancelled",)


def test_a_signal_is_kept_with_its_job(plain: sqlite3.Connection, online: JobClient, server: Server) -> None:
    plain.execute(REQUEST, {"data": '{"name": "a"}'})
    plain.execute("update jobs set fold = 'what was folded before'")
    plain.execute(
        "insert into events (job_id, type, data) select job_id, 'job.signalled', '{\"name\": \"go\"}' from jobs"
    )
    ((job_id, local_seq),) = plain.execute("select job_id, local_seq from events where type = 'job.signalled'")
    assert local_seq == 2
    assert [event.type for event in online.history(job_id)] == ["job.requested", "job.signalled"]
    assert online.get(job_id).shown == "saved"
    assert plain.execute("select fold from jobs").fetchone() == (None,)
    assert online.sync().pushed == 2
    server.sequence()
    online.sync()
    assert [(event.type, event.seq) for event in online.history(job_id)] == [
        ("job.requested", 1),
        ("job.signalled", 2),
    ]


def test_what_is_asked_for_is_there_to_read(plain: sqlite3.Connection) -> None:
    data = {
        "name": "a", "namespace": "n", "priority": 7, "key": "k", "labels": {"team": "docs"},
        "run_at": "2030-01-01T02:00:00+02:00", "limits": {"expires_at": "2031-01-01T00:00:00Z"},
    }  # fmt: skip
    plain.execute(REQUEST, {"data": json.dumps(data)})
    row = plain.execute("select namespace, priority, key, labels, run_at, expires_at from shown_jobs").fetchone()
    assert row == ("n", 7, "k", '{"team":"docs"}', "2030-01-01T00:00:00.000Z", "2031-01-01T00:00:00Z")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "job.completed"}, "type: an app writes job.requested, job.cancel_requested and job.signalled"),
    ({"v": 2}, "v: only version 1"),
    ({"data": "{"}, "data: not JSON"),
    ({"data": "[]"}, "data: must be a JSON object"),
    ({"data": '{"name": "a", "params": {"x": "' + "x" * 262_144 + '"}}'}, "more bytes than replica.max_"),
    ({"data": '{"name": "a", "params": {"x": ' + "[" * 63 + "]" * 63 + "}}"}, "data: nests deeper"),
    ({"data": "{}"}, "name: must be a text"),
    ({"data": '{"name": ""}'}, "name: must be a text"),
    ({"data": '{"name": 5}'}, "name: must be a text"),
    ({"data": '{"name": "a", "namespace": 5}'}, "namespace: must be a text"),
    ({"data": '{"name": "a", "params": []}'}, "params: must be a JSON object"),
    ({"data": '{"name": "a", "priority": "high"}'}, "priority: must be a whole number"),
    ({"data": '{"name": "a", "priority": 40000}'}, "priority: must be a whole number"),
    ({"data": '{"name": "a", "key": ""}'}, "key: must be a text"),
    ({"data": '{"name": "a", "labels": []}'}, "labels: must be a JSON object"),
    ({"data": '{"name": "a", "limits": []}'}, "limits: must be a JSON object"),
    ({"data": '{"name": "a", "run_at": "tomorrow"}'}, "must be an RFC 3339 time"),
    ({"data": '{"name": "a", "run_at": "now"}'}, "must be an RFC 3339 time"),
    ({"data": '{"name": "a", "run_at": "2026-02-30T00:00:00Z"}'}, "must be an RFC 3339 time"),
    ({"data": '{"name": "a", "run_at": "2026-01-01T00:00:00"}'}, "must be an RFC 3339 time"),
    ({"data": '{"name": "a", "run_at": "9999-12-31T23:59:59-12:00"}'}, "must be an RFC 3339 time"),
    ({"data": '{"name": "a", "limits": {"expires_at": 5}}'}, "must be an RFC 3339 time"),
    ({"id": "not-a-uuid"}, "event_id_is_a_uuid"),
    ({"id": "01970000-0000-7000-8000-00000000000A"}, "event_id_is_a_uuid"),
    ({"job_id": "01970000-0000-7000-8000-0000000000"}, "job_id_is_a_uuid"),
    ({"causation_id": "x"}, "causation_id_is_a_uuid"),
    ({"occurred_at": "yesterday"}, "occurred_at: must lie in the years"),
    ({"occurred_at": "9999-12-31T23:59:59Z"}, "occurred_at: must lie in the years"),
    ({"occurred_at": "2026-01-01T00:00:00+00:00"}, "occurred_at_is_a_utc_time"),
    ({"occurred_at": "2026-01-01T24:00:00Z"}, "occurred_at_is_a_utc_time"),
    ({"occurred_at": "2026-02-30T00:00:00Z"}, "occurred_at_is_a_utc_time"),
    ({"owner": "somebody"}, "the server's to give"),
    ({"actor": "somebody"}, "the server's to give"),
    ({"recorded_at": "2026-01-01T00:00:00Z"}, "the server's to give"),
    ({"local_seq": 7}, "local_seq: leave it out"),
    (
        {"seq": 7, "life": 0, "owner": "a", "actor": "a", "recorded_at": "2026-01-01T00:00:00Z"},
        "seq is the server's to give",
    ),
    ({"rowid": -1}, "rowid: leave it out"),
    ({"type": "job.cancel_requested", "data": "{}"}, "which job is to be cancelled"),
    (
        {"type": "job.cancel_requested", "job_id": "01970000-0000-7000-8000-000000000002", "data": '{"reason": 5}'},
        "reason: must be a text",
    ),
    ({"data": '{"name": "a", "order_key": ""}'}, "order_key: must be a text"),
    ({"data": '{"name": "a", "unique": 5}'}, "unique: must be a JSON object"),
    ({"data": '{"name": "a", "traceparent": 5}'}, "traceparent: must be a text"),
    ({"data": '{"name": "a", "files": []}'}, "files: must be a JSON object"),
    ({"type": "job.signalled", "data": '{"name": "go"}'}, "which job is to be signalled"),
    ({"type": "job.signalled", "job_id": "01970000-0000-7000-8000-000000000002", "data": "{}"}, "name: must be a text"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "reason"), WRONG, ids=[f"{reason[:30]}-{n}" for n, (_, reason) in enumerate(WRONG)]
)
def test_a_mistake_is_refused_with_its_reason(plain: sqlite3.Connection, columns: dict[str, Any], reason: str) -> None:
    row = {"type": "job.requested", "data": '{"name": "a"}', **columns}
    names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    with pytest.raises(sqlite3.IntegrityError, match=re.escape(reason)):
        plain.execute(f"insert into events ({names}) values ({places})", row)  # noqa: S608 - the table above
    assert plain.execute("select (select count(*) from events), (select count(*) from jobs)").fetchone() == (0, 0)


def test_a_job_is_requested_once(plain: sqlite3.Connection) -> None:
    plain.execute(REQUEST, {"data": '{"name": "a"}'})
    with pytest.raises(sqlite3.IntegrityError, match="requested before"):
        plain.execute(
            "insert into events (job_id, type, data) select job_id, 'job.requested', '{\"name\": \"b\"}' from jobs"
        )


def test_an_app_saves_its_data_and_its_request_together(plain: sqlite3.Connection) -> None:
    plain.execute("create table notes (text)")
    plain.execute("begin")
    plain.execute("insert into notes values ('draft')")
    plain.execute(REQUEST, {"data": '{"name": "publish"}'})
    plain.execute("rollback")
    assert plain.execute("select (select count(*) from notes), (select count(*) from events)").fetchone() == (0, 0)


def test_a_number_of_the_server_cannot_be_given_with_one_of_the_file(online: JobClient, server: Server) -> None:
    online.submit("a")
    online.sync()
    server.complete("a", 1)
    online.sync()
    with online.transaction() as db:
        db.execute("update replica set pulled_seq = 99")
        with pytest.raises(sqlite3.IntegrityError, match="seq is the server's to give"):
            db.execute(
                "insert into events (job_id, type, owner, actor, local_seq, seq, life, recorded_at, data)"
                " select job_id, 'job.completed', 'a', 'a', 2, 50, life, occurred_at, '{}' from events limit 1"
            )


def test_p8_a_refused_cancel_that_came_early_cancels_no_later_request(
    online: JobClient, server: Server, plain: sqlite3.Connection, tmp_path: Path
) -> None:
    with JobClient(tmp_path / "bob.db", dsn=server.other_dsn) as bob:
        job_id = {"id": str(bob.submit("bobs").id)}
        bob.sync()
    plain.execute("insert into events (job_id, type) values (:id, 'job.cancel_requested')", job_id)
    assert online.sync().refused == 1
    plain.execute("insert into events (job_id, type, data) values (:id, 'job.requested', '{\"name\": \"x\"}')", job_id)
    assert plain.execute("select status from jobs where job_id = :id", job_id).fetchone() == ("pending",)
