"""Crafted pushes: what a client writes is its own, or nothing (P11)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from ledger_calls import Draft, push
from security.attacked_ledger import ALICE, BOB, AttackedLedger, value

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Behind, Forked, Refused

FORGED_TYPES = [
    "attempt.started", "attempt.progressed", "attempt.logged", "step.completed", "attempt.failed", "attempt.deferred",
    "attempt.lost", "attempt.superseded", "job.completed", "job.failed", "job.cancelled", "processor.started",
    "processor.stopped", "processor.lost", "replica.forked", "replica.rewound", "queue.paused", "job.REQUESTED",
    "job.requested ", " job.requested", "job.requested\n", "job.requésted", "",
]  # fmt: skip
PUSH = """
    select ledger.push(%(replica)s, %(base)s, %(ids)s, %(jobs)s, %(types)s, %(versions)s, %(occurred)s,
                       %(none)s, %(none)s, %(data)s)::text as reply
"""


def arguments(count: int = 2, **changed: Any) -> dict[str, Any]:
    """A well-formed push of so many events, with something changed."""
    return {
        "replica": new_id(),
        "base": 0,
        "ids": [str(new_id()) for _ in range(count)],
        "jobs": [str(new_id()) for _ in range(count)],
        "types": ["job.requested"] * count,
        "versions": [1] * count,
        "occurred": ["2026-01-01T00:00:00Z"] * count,
        "none": [None] * count,
        "data": ['{"name": "noop"}'] * count,
    } | changed


@pytest.mark.parametrize("forged", FORGED_TYPES)
def test_p11_forging_an_event_of_the_processors(attacked: AttackedLedger, forged: str) -> None:
    data = json.dumps({"attempt": 1, "processor": str(new_id()), "result": 1, "attempts": 1})
    with attacked.only_alices():
        own, bobs = attacked.alices_request.job_id, attacked.bobs_request.job_id
        drafts = [Draft(forged, data, job, v=v) for job in (own, bobs) for v in (1, 2)]
        assert set(attacked.refused(*drafts)) == {"not_allowed"}


@pytest.mark.parametrize("version", [0, -1, 2, 32_768, 2**31 - 1])
def test_p11_forging_a_version(attacked: AttackedLedger, version: int) -> None:
    with attacked.only_alices():
        assert attacked.refused(Draft(v=version)) == ["unknown_version"]


def test_p11_forging_owner_actor_time_and_number_in_the_data(attacked: AttackedLedger) -> None:
    forged = {"owner": BOB, "actor": "postgres", "seq": 1, "replica_seq": 1, "replica_id": str(attacked.bobs_replica),
              "recorded_at": "1999-01-01T00:00:00Z", "life": 0, "txid": "3", "v": 9, "type": "job.failed"}  # fmt: skip
    draft = Draft(data=json.dumps({"name": "x", **forged, "labels": forged}))
    with attacked.only_alices():
        assert attacked.refused(draft) == []
    [event] = [event for event in attacked.events() if str(event["id"]) == draft.id]
    assert (event["owner"], event["actor"], event["type"], event["v"]) == (ALICE, ALICE, "job.requested", 1)
    assert event["text"] == draft.data, "kept as what it is: something that Alice wrote"
    job = attacked.owner.execute("select owner, status from ledger.jobs where job_id = %(id)s", {"id": draft.job_id})
    assert job.fetchall() == [{"owner": ALICE, "status": "pending"}]


@pytest.mark.parametrize("argument", ["owner", "actor", "replica", "recorded_at"])
@pytest.mark.parametrize("door", ["ledger.submit('x', ", "ledger.pull(0, "])
def test_p11_naming_an_argument_that_no_door_has(attacked: AttackedLedger, door: str, argument: str) -> None:
    with attacked.unchanged(), pytest.raises(Exception, match="does not exist"):
        attacked.alice.execute(f"select {door} {argument} => 'app_bob')".encode())


@pytest.mark.parametrize("base", [0, 1, 2, 3, 1_000_000])
def test_p11_taking_over_a_replica(attacked: AttackedLedger, base: int) -> None:
    with attacked.unchanged():
        reply = attacked.push(attacked.bobs_replica, base, Draft())
        assert isinstance(reply, Refused)
        assert reply.code == "not_yours"
        assert BOB not in reply.detail


def test_p11_sending_an_event_of_bobs_as_ones_own(attacked: AttackedLedger) -> None:
    stolen = attacked.bobs_request
    with attacked.only_alices():
        assert (
            attacked.refused(stolen, Draft(id=stolen.id), Draft("job.cancel_requested", "{}", id=stolen.id))
            == ["id_conflict"] * 3
        )


def test_p11_requesting_and_cancelling_bobs_job(attacked: AttackedLedger) -> None:
    job = attacked.bobs_request.job_id
    with attacked.only_alices():
        assert attacked.refused(Draft(job_id=job), Draft("job.cancel_requested", "{}", job)) == [
            "id_conflict",
            "not_yours",
        ]
        with pytest.raises(Exception, match="was requested before"):
            attacked.alice.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})


def test_p11_a_number_taken_with_bobs_event_is_a_fork(attacked: AttackedLedger) -> None:
    """That the id is known here does not make it the event that Alice's replica sent."""
    with attacked.only_alices():
        reply = attacked.push(attacked.alices_replica, 0, attacked.bobs_request)
        assert reply == Forked(at=1, head=1)


def test_p11_submitting_bobs_job_again_in_his_words(attacked: AttackedLedger) -> None:
    bob, job = attacked.database.connect(BOB), new_id()
    bob.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})
    bob.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})
    with attacked.unchanged(), pytest.raises(psycopg.Error, match="was requested before"):
        attacked.alice.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})


@pytest.mark.parametrize("field", ["retry_of", "parent", "key"])
def test_p11_pointing_at_bobs_job(attacked: AttackedLedger, field: str) -> None:
    """Alice gets a job of her own, with her words in it; Bob's is neither touched nor shown."""
    draft = Draft(
        data=json.dumps({"name": "x", field: attacked.bobs_request.job_id}),
        correlation_id=attacked.bobs_request.id,
        causation_id=attacked.bobs_request.id,
    )
    with attacked.only_alices():
        assert attacked.refused(draft) == []
    pulled = attacked.alice.execute("select owner, data from ledger.pull(0)").fetchall()
    assert {row["owner"] for row in pulled} == {ALICE}
    assert draft.data in [row["data"] for row in pulled]


def test_p11_filling_the_slot_of_a_job_that_bob_will_request(attacked: AttackedLedger) -> None:
    """An early cancel of Alice's waits for a job of Alice's, never for Bob's."""
    job = str(new_id())
    bob = attacked.database.connect(BOB)
    attacked.refused(Draft("job.cancel_requested", "{}", job))
    push(bob, new_id(), 0, [Draft(job_id=job)])
    attacked.assert_sound()
    assert value(attacked.owner, "select status from ledger.jobs where job_id = %(job)s", job=UUID(job)) == "pending"


@pytest.mark.parametrize("base", [-1, -(2**31), -(2**63), None])
def test_a_base_that_no_file_has(attacked: AttackedLedger, base: Any) -> None:
    """Nothing may be acknowledged that was not kept, and no overlap be claimed with numbers that do not exist."""
    with attacked.unchanged():
        reply = attacked.push(new_id(), base, Draft())
        assert isinstance(reply, Refused)
        assert reply.code == "invalid"


def test_a_replica_without_an_id(attacked: AttackedLedger) -> None:
    nobody: Any = None
    with attacked.unchanged():
        assert isinstance(attacked.push(nobody, 0, Draft()), Refused)


def test_a_base_far_beyond_the_head(attacked: AttackedLedger) -> None:
    with attacked.only_alices():
        assert attacked.push(attacked.alices_replica, 2**63 - 1, Draft()) == Behind(head=1)


@pytest.mark.parametrize("changed", ["ids", "jobs", "types", "versions", "occurred", "none", "data"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_arrays_of_different_lengths(attacked: AttackedLedger, changed: str, count: int) -> None:
    """Padded to the longest, a push would use up numbers beyond the head that it leaves."""
    crafted = arguments()
    crafted[changed] = (crafted[changed] * 2)[:count]
    with attacked.only_alices():
        reply = json.loads(value(attacked.alice, PUSH, **crafted))
        if changed != "ids" or count:
            assert (reply["reply"], reply["code"]) == ("refused", "invalid")


@pytest.mark.parametrize("shape", ["[5:6]={%s,%s}", "[0:1]={%s,%s}", "[-5:-4]={%s,%s}", "{{%s,%s}}", "{{%s},{%s}}"])
@pytest.mark.parametrize("changed", ["ids", "data"])
def test_arrays_of_another_shape(attacked: AttackedLedger, changed: str, shape: str) -> None:
    """Slices of an array that begins elsewhere hide an overlap, and leave out or repeat events."""
    crafted = arguments(replica=attacked.alices_replica)
    crafted[changed] = shape % tuple(json.dumps(text) for text in crafted[changed])
    with attacked.unchanged():
        query = PUSH.replace(f"%({changed})s", f"%({changed})s::text[]")
        reply = json.loads(value(attacked.alice, query, **crafted))
        assert (reply["reply"], reply["code"]) == ("refused", "invalid")


def test_the_same_event_many_times_in_one_push(attacked: AttackedLedger) -> None:
    event = Draft()
    with attacked.only_alices():
        reply = attacked.push(new_id(), 0, event, event, event)
        assert isinstance(reply, Accepted)
        assert reply.refused == ()


def test_p11_the_session_is_asked_not_the_role(attacked: AttackedLedger) -> None:
    """SET ROLE to a group that one is in changes nothing about who one is."""
    attacked.alice.execute("set role ledger_client")
    with attacked.only_alices():
        attacked.refused(Draft())
        attacked.alice.execute("select ledger.submit('x')")
    attacked.alice.execute("reset role")
    assert {row["actor"] for row in attacked.events() if row["owner"] == ALICE} == {ALICE}
