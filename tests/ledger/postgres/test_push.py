"""``ledger.push``: the only way in for a replica's events (DESIGN, Sync)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from databases import Database
from ledger_calls import Draft, assert_projection_is_fold, push, push_jobs, sequence
from refused_drafts import REFUSED
from waiting import until

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Behind, Forked, Refused
from ledger.postgres.feed import read_log


def test_p2_sending_a_batch_again_equals_sending_it_once(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    replica, batch = new_id(), [Draft() for _ in range(5)]
    for _ in range(3):
        reply = push(alice, replica, 0, batch)
        assert isinstance(reply, Accepted)
        assert reply.head == 5
    assert owner.execute("select count(*) as n from ledger.events").fetchone() == {"n": 5}
    assert_projection_is_fold(owner)


def test_p2_a_batch_that_overlaps_is_taken_from_where_the_last_one_ended(database: Database) -> None:
    alice = database.connect("app_alice")
    replica, batch = new_id(), [Draft() for _ in range(5)]
    push(alice, replica, 0, batch[:3])
    reply = push(alice, replica, 1, batch[1:])
    assert isinstance(reply, Accepted)
    assert reply.head == 5


@pytest.mark.parametrize(("code", "draft"), REFUSED)
def test_p8_a_refused_event_delays_nobody_and_its_author_learns_why(
    database: Database, code: str, draft: Callable[[], Draft]
) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    replica, before, poison, after = new_id(), Draft(), draft(), Draft()
    reply = push(alice, replica, 0, [before, poison, after])
    assert isinstance(reply, Accepted)
    assert [(r.seq, r.event_id, r.code) for r in reply.refused] == [(2, poison.id, code)]
    assert reply.refused[0].detail
    taken = owner.execute("select id::text from ledger.events order by replica_seq").fetchall()
    assert [row["id"] for row in taken] == [before.id, after.id]
    kept = owner.execute("select owner, code, replica_seq from ledger.refusals").fetchall()
    assert kept == [{"owner": "app_alice", "code": code, "replica_seq": 2}]
    again = push(alice, replica, 0, [before, poison, after])
    assert isinstance(again, Accepted)
    assert (again.head, again.refused) == (reply.head, reply.refused)
    assert_projection_is_fold(owner)


def test_p8_what_is_wrong_outside_of_an_event_is_reported_before_what_is_wrong_inside(database: Database) -> None:
    alice = database.connect("app_alice")
    known = Draft()
    push(alice, new_id(), 0, [known])
    bad = "{bad"
    drafts = [
        Draft(id="nobody", data=bad), Draft(occurred_at="yesterday", data=bad), Draft(id=known.id, data=bad),
        Draft("job.completed", bad), Draft(v=2, data=bad), Draft(data=bad),
    ]  # fmt: skip
    reply = push(alice, new_id(), 0, drafts)
    assert isinstance(reply, Accepted)
    assert [(r.code, r.detail.split()[0]) for r in reply.refused] == [
        ("invalid", "id"), ("invalid", "occurred_at"), ("id_conflict", "another"),
        ("not_allowed", "clients"), ("unknown_version", "version"), ("invalid", "invalid"),
    ]  # fmt: skip


def test_p8_one_event_over_a_lowered_batch_limit_is_validated_and_not_sent_back(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    owner.execute("update ledger.limits set max_batch_bytes = 1000")
    replica = new_id()
    large, small = Draft(data=json.dumps({"name": "x", "params": {"pad": "x" * 2000}})), Draft()
    together = push(alice, replica, 0, [large, small])
    assert isinstance(together, Refused)
    assert together.code == "too_large"
    alone = push(alice, replica, 0, [large])
    assert isinstance(alone, Accepted)
    assert [(r.seq, r.code) for r in alone.refused] == [(1, "too_large")]
    after = push(alice, replica, 1, [small])
    assert isinstance(after, Accepted)
    assert (after.head, after.refused) == (2, ())


def test_p8_a_number_that_not_every_reader_can_read_is_refused_with_its_field(database: Database) -> None:
    texts = ('{"name": "x", "params": {"a": 1, "b": [1e400]}}', '{"name": "x", "later": ' + "7" * 641 + "}")
    reply = push(database.connect("app_alice"), new_id(), 0, [Draft(data=text) for text in texts])
    assert isinstance(reply, Accepted)
    assert [r.detail.split(" holds a number that not every reader can read")[0] for r in reply.refused] == [
        "params.b", "later",
    ]  # fmt: skip


def test_a_job_is_requested_once(database: Database) -> None:
    alice = database.connect("app_alice")
    first = Draft()
    again = Draft(job_id=first.job_id)
    reply = push(alice, new_id(), 0, [first, again, Draft()])
    assert isinstance(reply, Accepted)
    assert [(r.seq, r.code) for r in reply.refused] == [(2, "id_conflict")]


def test_p11_another_owners_job_cannot_be_cancelled(database: Database) -> None:
    alice, bob, owner = database.connect("app_alice"), database.connect("app_bob"), database.connect()
    (job,) = push_jobs(alice, 1)
    reply = push(bob, new_id(), 0, [Draft("job.cancel_requested", "{}", str(job))])
    assert isinstance(reply, Accepted)
    assert [r.code for r in reply.refused] == ["not_yours"]
    early = new_id()
    push(bob, new_id(), 0, [Draft("job.cancel_requested", "{}", str(early))])
    push(alice, new_id(), 0, [Draft(job_id=str(early))])
    sequence(owner)
    states = owner.execute("select distinct status from ledger.jobs").fetchall()
    assert states == [{"status": "pending"}]
    assert_projection_is_fold(owner)


def test_p11_a_replica_belongs_to_the_one_who_used_it_first(database: Database) -> None:
    alice, bob = database.connect("app_alice"), database.connect("app_bob")
    replica = new_id()
    push(alice, replica, 0, [Draft()])
    reply = push(bob, replica, 1, [Draft()])
    assert isinstance(reply, Refused)
    assert reply.code == "not_yours"


def test_p11_owner_actor_and_time_come_from_the_session(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    forged = {"name": "x", "owner": "app_bob", "actor": "root", "recorded_at": "1999-01-01T00:00:00Z"}
    push(alice, new_id(), 0, [Draft(data=json.dumps(forged), occurred_at="1999-01-01T00:00:00Z")])
    row: Any = owner.execute(
        "select owner, actor, recorded_at > now() - interval '1 hour' as fresh from ledger.events"
    ).fetchone()
    assert row == {"owner": "app_alice", "actor": "app_alice", "fresh": True}


def test_a_copied_file_hears_that_it_forked(database: Database) -> None:
    alice = database.connect("app_alice")
    replica, shared = new_id(), [Draft() for _ in range(2)]
    push(alice, replica, 0, [*shared, Draft()])
    for _ in range(2):
        assert push(alice, replica, 0, [*shared, Draft()]) == Forked(at=3, head=3)
    assert turns(database) == [("replica.forked", {"replica": str(replica), "at": 3, "head": 3})]


def test_a_server_that_was_restored_says_from_where_it_needs_events(database: Database) -> None:
    alice = database.connect("app_alice")
    replica = new_id()
    push(alice, replica, 0, [Draft()])
    for _ in range(2):
        assert push(alice, replica, 7, [Draft()]) == Behind(head=1)
    assert turns(database) == [("replica.rewound", {"replica": str(replica), "head": 1, "client_had": 7})]


@pytest.mark.parametrize("before", [0, 1])
def test_a_replicas_events_never_come_into_the_log_against_their_order(database: Database, before: int) -> None:
    """The log goes by transaction ids, and a transaction may have had its id for long when it pushes."""
    first, second, owner = database.connect("app_alice"), database.connect("app_alice"), database.connect()
    replica, drafts = new_id(), [Draft() for _ in range(before + 2)]
    push(second, replica, 0, drafts[:before])
    with first.transaction():
        first.execute("select pg_current_xact_id()")
        push(second, replica, before, drafts[before : before + 1])
        with pytest.raises(psycopg.errors.SerializationFailure, match="younger transaction"), first.transaction():
            push(first, replica, before + 1, drafts[before + 1 :])
    push(first, replica, before + 1, drafts[before + 1 :])
    sequence(owner)
    assert [str(row["id"]) for row in read_log(owner)] == [draft.id for draft in drafts]


def test_p1_what_was_acknowledged_is_on_disk_whatever_the_session_has_set(database: Database) -> None:
    alice = database.connect("app_alice")
    for off, on in [("off", "on"), ("local", "local"), ("on", "on")]:
        alice.execute(f"set synchronous_commit = {off}".encode())
        for call in (lambda: push(alice, new_id(), 0, [Draft()]), lambda: alice.execute("select ledger.submit('x')")):
            with alice.transaction():
                call()
                assert alice.execute("show synchronous_commit").fetchone() == {"synchronous_commit": on}


def test_an_event_that_reached_the_server_by_another_file_is_acknowledged(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    event = Draft()
    push(alice, new_id(), 0, [event])
    reply = push(alice, new_id(), 0, [event])
    assert isinstance(reply, Accepted)
    assert reply.refused == ()
    assert owner.execute("select count(*) as n from ledger.events").fetchone() == {"n": 1}


def test_data_is_kept_as_the_exact_text(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    text = '{"name":"x",  "params": {"a": 1.50, "b": 9007199254740993, "a": 2}}'
    push(alice, new_id(), 0, [Draft(data=text)])
    assert owner.execute("select data::text as data from ledger.events").fetchone() == {"data": text}
    sequence(owner)
    rows = alice.execute("select data from ledger.pull(0)").fetchall()
    assert [row["data"] for row in rows] == [text]


def turns(database: Database) -> list[tuple[str, Any]]:
    """What an auditor finds in the log about replicas that forked or went back."""
    sequence(database.connect())
    rows = read_log(database.connect("auditor"))
    return [(row["type"], json.loads(row["data"])) for row in rows if row["type"].startswith("replica.")]


def test_p8_an_id_that_is_written_at_the_same_moment_is_accepted_beside_a_bad_event(database: Database) -> None:
    first, second, owner = (
        database.connect("app_alice", autocommit=False),
        database.connect("app_alice"),
        database.connect(),
    )
    event = Draft()
    given: list[Any] = []
    push(first, new_id(), 0, [event])
    pushing = threading.Thread(target=lambda: given.append(push(second, new_id(), 0, [Draft(data="{bad"), event])))
    pushing.start()
    waiting = "select count(*) as n from pg_locks where not granted"
    until(lambda: (row := owner.execute(waiting).fetchone()) is not None and row["n"] > 0, "the second to wait")
    first.commit()
    pushing.join()
    (reply,) = given
    assert isinstance(reply, Accepted)
    assert [refused.seq for refused in reply.refused] == [1]
    assert owner.execute("select count(*) as n from ledger.events where type = 'job.requested'").fetchone() == {"n": 1}
