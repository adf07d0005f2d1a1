"""Files and server, when all goes as it should, and when single events do not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from databases import Database
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stepwise import Server

from client_sync import JobClient, JobFailed, Submission
from client_sync.file.lock import SyncBusy, sync_lock
from client_sync.sync import outbox, plan
from client_sync.sync.result import SyncResult
from ledger.errors import InvalidEvent, LedgerError, NotALedger, ServerUnreachable, SyncRefused
from ledger.servers import open_server


def test_a_job_goes_there_and_its_result_comes_back(online: JobClient, server: Server) -> None:
    job = online.submit("count-words", {"path": "a.txt"})
    assert job.shown == "saved"
    assert online.sync() == SyncResult(pushed=1)
    assert online.get(job.id).shown == "accepted"
    server.sequence()
    online.sync()
    assert online.get(job.id).shown == "pending"
    server.start("count-words")
    server.sequence()
    assert online.sync() == SyncResult(pulled=1)
    assert online.get(job.id).shown == "running"
    server.record(job.id, "attempt.progressed", n=1, percent=50.0, message="half")
    server.record(job.id, "job.completed", result={"words": 17})
    server.sequence()
    assert online.sync() == SyncResult(pulled=2)
    done = online.wait(job.id, timeout=0)
    assert (done.shown, done.result, done.progress and done.progress.message) == ("completed", {"words": 17}, "half")
    assert online.sync() == SyncResult(), "nothing is left to do"


def test_p10_the_servers_clock_takes_the_place_of_the_claim(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    plain.execute(
        "insert into events (type, data, occurred_at)"
        " values ('job.requested', '{\"name\": \"a\"}', '2001-01-01T00:00:00Z')"
    )
    (job,) = online.list()
    assert job.requested_at == datetime.fromisoformat("2001-01-01T00:00:00Z")
    online.sync()
    server.sequence()
    online.sync()
    recorded_at = server.value("select recorded_at from ledger.events where type = 'job.requested'")
    assert online.get(job.id).requested_at == recorded_at
    (event,) = online.history(job.id)
    assert event.occurred_at == datetime.fromisoformat("2001-01-01T00:00:00Z"), "the claim is kept"


def test_a_text_arrives_as_it_was_written(online: JobClient, server: Server, plain: sqlite3.Connection) -> None:
    text = '{ "name":"a",  "params": {"n": 1.50, "ä": "\\u00e4"} }'
    plain.execute("insert into events (type, data) values ('job.requested', :data)", {"data": text})
    online.sync()
    assert server.value("select data::text from ledger.events where type = 'job.requested'") == text


def test_a_cancel_ends_a_waiting_job(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.cancel(job.id, reason="wrong file")
    assert online.get(job.id).shown == "cancelling"
    online.sync()
    server.sequence()
    online.sync()
    done = online.get(job.id)
    assert (done.shown, done.finished) == ("cancelled", True)
    with pytest.raises(JobFailed, match="was cancelled") as failure:
        online.wait(job.id)
    assert failure.value.job == done


def test_a_cancel_that_comes_too_late_is_not_shown_as_done(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.sequence()
    server.start("count-words")
    online.cancel(job.id)
    assert online.get(job.id).shown == "cancelling", "this file does not know that it runs"
    online.sync()
    server.record(job.id, "job.completed", result=1)
    server.sequence()
    online.sync()
    assert online.get(job.id).shown == "completed"


def test_more_than_one_batch_and_one_page(online: JobClient, server: Server, path: Path, tmp_path: Path) -> None:
    online.submit_many({"name": "a", "params": {"n": n}} for n in range(2500))
    heard: list[SyncResult] = []
    assert online.sync(report=heard.append).pushed == 2500
    assert [result.pushed for result in heard][:3] == [1000, 2000, 2500]
    server.sequence()
    with JobClient(tmp_path / "second.db", dsn=server.dsn) as second:
        assert second.sync().pulled == 2500
        assert len(second.list(limit=5000)) == 2500
    online.sync()
    assert {job.shown for job in online.list(limit=5000)} == {"pending"}


def test_a_push_carries_so_many_bytes_at_most(online: JobClient, server: Server) -> None:
    online.submit_many({"name": "a", "params": {"x": "x" * 200_000}} for _ in range(25))
    with online.transaction() as db:
        batch = outbox.read_batch(db, 0)
    assert len(batch) == 19
    assert sum(len(data or "") for data in batch.events.data) <= plan.MAX_PUSH_BYTES
    assert online.sync().pushed == 25


def test_an_event_larger_than_a_push_goes_alone(
    online: JobClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_PUSH_BYTES", 1)
    online.submit_many({"name": "a"} for _ in range(3))
    heard: list[SyncResult] = []
    online.sync(report=heard.append)
    assert [result.pushed for result in heard][:3] == [1, 2, 3]


def test_p2_sending_again_what_the_server_has_changes_nothing(online: JobClient, server: Server) -> None:
    jobs = [online.submit("a"), online.submit("b")]
    with online.transaction() as db:
        position = outbox.read_position(db)
        events = outbox.read_batch(db, 0).events
    with closing(open_server(server.dsn)) as lost:
        lost.hello()
        for _ in range(3):  # the server took it each time, and each answer was lost
            lost.push(position.replica_id, 0, events)
    online.submit("c")
    assert online.sync().pushed == 3
    assert server.count("job.requested") == 3
    server.sequence()
    online.sync()
    assert {online.get(job.id).shown for job in jobs} == {"pending"}


def test_p8_a_refused_event_delays_no_neighbour_and_its_author_learns_why(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    before = online.submit("before")
    # well-formed to SQLite, which checks less than the server
    plain.execute(
        'insert into events (type, data) values (\'job.requested\', \'{"name": "poison", "retry_of": "nobody"}\')'
    )
    after = online.submit("after")
    assert online.sync() == SyncResult(pushed=2, refused=1)
    assert server.count("job.requested") == 2

    poison = online.list(name="poison")[0]
    assert (poison.status, poison.standing, poison.shown, poison.finished) == ("refused",) * 3 + (True,)
    assert poison.refusal is not None
    assert poison.refusal.code == "invalid"
    (refusal,) = online.refusals()
    assert (refusal.job_id, refusal.type, refusal.detail) == (poison.id, "job.requested", poison.refusal.detail)
    with pytest.raises(JobFailed, match="was refused: "):
        online.wait(poison.id)

    server.sequence()
    online.sync()
    assert [online.get(job.id).shown for job in (before, after)] == ["pending", "pending"]
    assert online.get(poison.id) == poison
    assert online.sync() == SyncResult(), "told once"


def test_a_cancel_that_is_not_yet_in_order_does_not_hide_what_is(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.sequence()
    online.sync()
    server.start("count-words")
    server.sequence()
    online.cancel(job.id)
    assert online.sync() == SyncResult(pushed=1, pulled=1)
    assert (online.get(job.id).status, online.get(job.id).shown) == ("running", "cancelling")


texts = st.text(max_size=8)
moments = st.datetimes(datetime(1600, 1, 3), datetime(8999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 - UTC follows
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
submissions = st.builds(
    Submission,
    name=st.text(min_size=1, max_size=10),
    params=st.dictionaries(texts, values, max_size=3),
    namespace=st.text(min_size=1, max_size=10),
    priority=st.integers(-32_768, 32_767),
    run_at=st.none() | moments,
    key=st.none() | st.text(min_size=1, max_size=10),
    labels=st.dictionaries(texts, texts, max_size=3),
    max_attempts=st.none() | st.integers(1, 1000),
    timeout=st.none() | st.floats(0.001, 604_800) | st.integers(1, 604_800),
    parent=st.none() | st.uuids(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(submissions, min_size=1, max_size=5))
@example(requests=[Submission(name="deep", params=json.loads('{"x":' * 62 + "{}" + "}" * 62))])
@example(requests=[Submission(name="quick", timeout=0.001), Submission(name="slow", timeout=604_800.0)])
def test_what_is_taken_here_is_taken_there(online: JobClient, server: Server, requests: list[Submission]) -> None:
    for request in requests:
        with suppress(InvalidEvent):
            online.submit_many([request])
    assert online.sync().refused == 0, online.refusals()


def test_p8_text_that_is_not_utf8_delays_no_neighbour(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    plain.execute(
        "insert into events (type, data) values ('job.requested', cast(:data as text))",
        {"data": b'{"name": "caf\xe9"}'},
    )
    online.submit("after")
    result = online.sync()
    assert (result.pushed, result.refused) == (1, 1), "byte for byte as stored, or not at all"


def test_p8_a_refused_cancel_counts_for_nothing(online: JobClient, server: Server, tmp_path: Path) -> None:
    with JobClient(tmp_path / "bob.db", dsn=server.other_dsn) as bob:
        foreign = bob.submit("count-words")
        bob.sync()
    # the same job id requested in alice's file: the server has it from bob already
    job = online.submit("count-words", job_id=foreign.id)
    online.cancel(job.id)
    assert online.sync().refused == 2
    assert online.get(job.id).shown == "refused"
    assert {refusal.code for refusal in online.refusals()} == {"id_conflict", "not_yours"}


def test_a_refused_cancel_leaves_its_job_waiting(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.cancel(job.id)
    cancel_id = str(online.history(job.id)[1].id)
    with psycopg.connect(server.other_dsn, autocommit=True) as stranger:  # who has used the cancel's id before
        stranger.execute(
            """
            select ledger.push(gen_random_uuid(), 0, array[%(id)s], array[%(id)s], array['job.requested'], array[1],
                               array['2026-01-01T00:00:00Z'], array[null], array[null], array['{"name": "x"}'])""",
            {"id": cancel_id},
        )
    assert online.sync().refused == 1
    assert (online.get(job.id).status, online.get(job.id).shown) == ("pending", "accepted")


def test_p11_a_file_holds_its_owners_jobs_only(online: JobClient, server: Server, tmp_path: Path) -> None:
    online.submit("alices")
    online.sync()
    with JobClient(tmp_path / "bob.db", dsn=server.other_dsn) as bob:
        bob.submit("bobs")
        bob.sync()
        server.sequence()
        bob.sync()
        assert [(job.name, job.owner) for job in bob.list()] == [("bobs", "app_bob")]
    with JobClient(tmp_path / "laptop.db", dsn=server.dsn) as laptop:
        laptop.sync()
        assert [(job.name, job.owner) for job in laptop.list()] == [("alices", "app_alice")]


def test_the_jobs_of_other_owners_cost_no_write(
    online: JobClient, server: Server, tmp_path: Path, plain: sqlite3.Connection
) -> None:
    online.sync()
    before = plain.execute("pragma data_version").fetchone()
    with JobClient(tmp_path / "bob.db", dsn=server.other_dsn) as bob:
        bob.submit("bobs")
        bob.sync()
        server.sequence()
    assert online.sync() == SyncResult()
    assert plain.execute("pragma data_version").fetchone() == before


def test_p11_a_file_of_another_owner_is_refused_before_anything_is_exchanged(
    online: JobClient, server: Server, path: Path
) -> None:
    online.submit("alices")
    online.sync()
    online.submit("not sent")
    with (
        JobClient(path, dsn=server.other_dsn) as wrong,
        pytest.raises(SyncRefused, match="belongs to app_alice") as refusal,
    ):
        wrong.sync()
    assert refusal.value.code == "not_yours"
    assert refusal.value.exit_code == 4
    assert online.unsent == 1, "everything is kept"
    assert online.sync().pushed == 1


def test_the_owner_is_learned_from_the_server(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    assert online.get(job.id).owner is None
    online.sync()
    assert online.get(job.id).owner == "app_alice"
    assert online.submit("another").owner == "app_alice"
    with online.transaction() as db:
        notes = db.execute("select what, detail from replica_history order by n").fetchall()
    assert notes[0] == ("replica.created", "{}")
    assert (notes[1][0], json.loads(notes[1][1])) == ("replica.owned", {"owner": "app_alice"})


def test_a_key_covers_what_was_pulled(online: JobClient, server: Server, tmp_path: Path) -> None:
    job = online.submit("report", key="daily")
    online.sync()
    server.sequence()
    with JobClient(tmp_path / "laptop.db", dsn=server.dsn) as laptop:
        laptop.sync()
        assert laptop.submit("report", key="daily").id == job.id
        server.complete("report", None)
        laptop.sync()
        assert laptop.submit("report", key="daily").id != job.id


def test_events_of_the_owner_that_name_no_job_are_kept(online: JobClient, server: Server) -> None:
    server.execute(
        """
        insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        select ledger.new_id(), 'export.made', 1, 'app_alice', 'operator', now(), now(), ledger.current_epoch(), '{}'"""
    )
    server.sequence()
    assert online.sync().pulled == 1
    assert online.list() == []


def test_p8_a_time_that_no_calendar_here_knows_delays_no_neighbour(path: Path, database: Database) -> None:
    server = Server(database)
    server.execute("alter table ledger.events drop constraint times_can_be_read")  # no door takes one any more
    for strange in ("10000-01-01 11:59:59+00", "0001-12-31 12:00:00+00 bc"):
        server.execute(
            """
            insert into ledger.events (id, type, v, owner, actor, occurred_at, recorded_at, life, data)
            select ledger.new_id(), 'export.made', 1, 'app_alice', 'operator', %(at)s, now(), l.life, '{}'
            from ledger.current_epoch() l (life)""",
            at=strange,
        )
    with JobClient(path, dsn=server.dsn) as jobs:
        job = jobs.submit("after")
        jobs.sync()
        server.sequence()
        assert jobs.sync().pulled == 2
        assert jobs.get(job.id).standing == "synced"


def test_a_login_without_the_right_of_a_client_gets_a_clear_error(path: Path, database: Database) -> None:
    with JobClient(path, dsn=database.dsn_as("auditor")) as jobs:
        jobs.submit("a")
        with pytest.raises(SyncRefused, match="permission denied") as refusal:
            jobs.sync()
        assert refusal.value.code == "not_allowed"
        assert jobs.unsent == 1


def test_a_database_without_a_ledger_gets_an_error_of_its_own(path: Path, empty_database: Database) -> None:
    with JobClient(path, dsn=empty_database.dsn_as("app_alice")) as jobs:
        jobs.submit("a")
        with pytest.raises(NotALedger, match="no job ledger"):
            jobs.sync()


def test_a_server_that_is_not_there_costs_nothing_but_the_wait(path: Path) -> None:
    with JobClient(path, dsn="postgresql://127.0.0.1:1/nothing") as jobs:
        jobs.submit("a")
        with pytest.raises(ServerUnreachable) as error:
            jobs.sync()
        assert jobs.unsent == 1
        with jobs.transaction() as db:
            assert db.execute("select last_error, last_sync_at from replica").fetchone() == (str(error.value), None)


def test_one_sync_at_a_time(online: JobClient, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.sync.exchange.LOCK_TIMEOUT_S", 0.05)
    online.submit("a")
    with sync_lock(path, timeout=0), pytest.raises(SyncBusy, match="someone else"):
        online.sync()
    assert online.sync().pushed == 1


def test_a_wrong_connection_string_is_not_a_server(path: Path) -> None:
    with JobClient(path, dsn="nonsense") as jobs, pytest.raises(LedgerError, match="not a connection string"):
        jobs.sync()


def test_p3_ones_own_cancel_leaves_no_older_state_to_go_on_from(online: JobClient, server: Server) -> None:
    job = online.submit("count-words")
    online.sync()
    server.sequence()
    online.sync()
    server.start("count-words")
    server.record(job.id, "attempt.progressed", n=1, percent=5.0)
    server.sequence()
    online.sync()
    with online.transaction() as db:
        assert db.execute("select fold is not null from jobs").fetchone() == (1,), "a state is kept"
    online.cancel(job.id)
    server.record(job.id, "attempt.progressed", n=2, percent=6.0)
    server.sequence()
    online.sync()
    found = online.get(job.id)
    assert (found.shown, found.progress and found.progress.percent) == ("cancelling", 6.0)
    assert found.cancel_requested_at is not None
