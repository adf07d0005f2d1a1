"""Crafted pushes: what a client writes is its own, or nothing (P11)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
import pytest
from doors import Draft, push
from security.besieged import ALICE, BOB, Besieged, value

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
def test_p11_forging_an_event_of_the_processors(besieged: Besieged, forged: str) -> None:
    data = json.dumps({"attempt": 1, "processor": str(new_id()), "result": 1, "attempts": 1})
    with besieged.only_alices():
        own, bobs = besieged.alices_request.job_id, besieged.bobs_request.job_id
        drafts = [Draft(forged, data, job, v=v) for job in (own, bobs) for v in (1, 2)]
        assert set(besieged.refused(*drafts)) == {"not_allowed"}


@pytest.mark.parametrize("version", [0, -1, 2, 32_768, 2**31 - 1])
def test_p11_forging_a_version(besieged: Besieged, version: int) -> None:
    with besieged.only_alices():
        assert besieged.refused(Draft(v=version)) == ["unknown_version"]


def test_p11_forging_owner_actor_time_and_number_in_the_data(besieged: Besieged) -> None:
    forged = {"owner": BOB, "actor": "postgres", "seq": 1, "replica_seq": 1, "replica_id": str(besieged.bobs_replica),
              "recorded_at": "1999-01-01T00:00:00Z", "life": 0, "txid": "3", "v": 9, "type": "job.failed"}  # fmt: skip
    draft = Draft(data=json.dumps({"name": "x", **forged, "labels": forged}))
    with besieged.only_alices():
        assert besieged.refused(draft) == []
    [event] = [event for event in besieged.events() if str(event["id"]) == draft.id]
    assert (event["owner"], event["actor"], event["type"], event["v"]) == (ALICE, ALICE, "job.requested", 1)
    assert event["text"] == draft.data, "kept as what it is: something that Alice wrote"
    job = besieged.owner.execute("select owner, status from ledger.jobs where job_id = %(id)s", {"id": draft.job_id})
    assert job.fetchall() == [{"owner": ALICE, "status": "pending"}]


@pytest.mark.parametrize("argument", ["owner", "actor", "replica", "recorded_at"])
@pytest.mark.parametrize("door", ["ledger.submit('x', ", "ledger.pull(0, "])
def test_p11_naming_an_argument_that_no_door_has(besieged: Besieged, door: str, argument: str) -> None:
    with besieged.unchanged(), pytest.raises(Exception, match="does not exist"):
        besieged.alice.execute(f"select {door} {argument} => 'app_bob')".encode())


@pytest.mark.parametrize("base", [0, 1, 2, 3, 1_000_000])
def test_p11_taking_over_a_replica(besieged: Besieged, base: int) -> None:
    with besieged.unchanged():
        reply = besieged.push(besieged.bobs_replica, base, Draft())
        assert isinstance(reply, Refused)
        assert reply.code == "not_yours"
        assert BOB not in reply.detail


def test_p11_sending_an_event_of_bobs_as_ones_own(besieged: Besieged) -> None:
    stolen = besieged.bobs_request
    with besieged.only_alices():
        assert (
            besieged.refused(stolen, Draft(id=stolen.id), Draft("job.cancel_requested", "{}", id=stolen.id))
            == ["id_conflict"] * 3
        )


def test_p11_requesting_and_cancelling_bobs_job(besieged: Besieged) -> None:
    job = besieged.bobs_request.job_id
    with besieged.only_alices():
        assert besieged.refused(Draft(job_id=job), Draft("job.cancel_requested", "{}", job)) == [
            "id_conflict",
            "not_yours",
        ]
        with pytest.raises(Exception, match="was requested before"):
            besieged.alice.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})


def test_p11_a_number_taken_with_bobs_event_is_a_fork(besieged: Besieged) -> None:
    """That the id is known here does not make it the event that Alice's replica sent."""
    with besieged.only_alices():
        reply = besieged.push(besieged.alices_replica, 0, besieged.bobs_request)
        assert reply == Forked(at=1, head=1)


def test_p11_submitting_bobs_job_again_in_his_words(besieged: Besieged) -> None:
    bob, job = besieged.database.connect(BOB), new_id()
    bob.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})
    bob.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})
    with besieged.unchanged(), pytest.raises(psycopg.Error, match="was requested before"):
        besieged.alice.execute("select ledger.submit('x', job_id => %(job)s)", {"job": job})


@pytest.mark.parametrize("field", ["retry_of", "parent", "key"])
def test_p11_pointing_at_bobs_job(besieged: Besieged, field: str) -> None:
    """Alice gets a job of her own, with her words in it; Bob's is neither touched nor shown."""
    draft = Draft(
        data=json.dumps({"name": "x", field: besieged.bobs_request.job_id}),
        correlation_id=besieged.bobs_request.id,
        causation_id=besieged.bobs_request.id,
    )
    with besieged.only_alices():
        assert besieged.refused(draft) == []
    pulled = besieged.alice.execute("select owner, data from ledger.pull(0)").fetchall()
    assert {row["owner"] for row in pulled} == {ALICE}
    assert draft.data in [row["data"] for row in pulled]


def test_p11_filling_the_slot_of_a_job_that_bob_will_request(besieged: Besieged) -> None:
    """An early cancel of Alice's waits for a job of Alice's, never for Bob's."""
    job = str(new_id())
    bob = besieged.database.connect(BOB)
    besieged.refused(Draft("job.cancel_requested", "{}", job))
    push(bob, new_id(), 0, [Draft(job_id=job)])
    besieged.assert_sound()
    assert value(besieged.owner, "select status from ledger.jobs where job_id = %(job)s", job=UUID(job)) == "pending"


@pytest.mark.parametrize("base", [-1, -(2**31), -(2**63), None])
def test_a_base_that_no_file_has(besieged: Besieged, base: Any) -> None:
    """Nothing may be acknowledged that was not kept, and no overlap be claimed with numbers that do not exist."""
    with besieged.unchanged():
        reply = besieged.push(new_id(), base, Draft())
        assert isinstance(reply, Refused)
        assert reply.code == "invalid"


def test_a_replica_without_an_id(besieged: Besieged) -> None:
    nobody: Any = None
    with besieged.unchanged():
        assert isinstance(besieged.push(nobody, 0, Draft()), Refused)


def test_a_base_far_beyond_the_head(besieged: Besieged) -> None:
    with besieged.only_alices():
        assert besieged.push(besieged.alices_replica, 2**63 - 1, Draft()) == Behind(head=1)


@pytest.mark.parametrize("changed", ["ids", "jobs", "types", "versions", "occurred", "none", "data"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_arrays_of_different_lengths(besieged: Besieged, changed: str, count: int) -> None:
    """Padded to the longest, a push would use up numbers beyond the head that it leaves."""
    crafted = arguments()
    crafted[changed] = (crafted[changed] * 2)[:count]
    with besieged.only_alices():
        reply = json.loads(value(besieged.alice, PUSH, **crafted))
        if changed != "ids" or count:
            assert (reply["reply"], reply["code"]) == ("refused", "invalid")


@pytest.mark.parametrize("shape", ["[5:6]={%s,%s}", "[0:1]={%s,%s}", "[-5:-4]={%s,%s}", "{{%s,%s}}", "{{%s},{%s}}"])
@pytest.mark.parametrize("changed", ["ids", "data"])
def test_arrays_of_another_shape(besieged: Besieged, changed: str, shape: str) -> None:
    """Slices of an array that begins elsewhere hide an overlap, and leave out or repeat events."""
    crafted = arguments(replica=besieged.alices_replica)
    crafted[changed] = shape % tuple(json.dumps(text) for text in crafted[changed])
    with besieged.unchanged():
        query = PUSH.replace(f"%({changed})s", f"%({changed})s::text[]")
        reply = json.loads(value(besieged.alice, query, **crafted))
        assert (reply["reply"], reply["code"]) == ("refused", "invalid")


def test_the_same_event_many_times_in_one_push(besieged: Besieged) -> None:
    event = Draft()
    with besieged.only_alices():
        reply = besieged.push(new_id(), 0, event, event, event)
        assert isinstance(reply, Accepted)
        assert reply.refused == ()


def test_p11_the_session_is_asked_not_the_role(besieged: Besieged) -> None:
    """SET ROLE to a group that one is in changes nothing about who one is."""
    besieged.alice.execute("set role ledger_client")
    with besieged.only_alices():
        besieged.refused(Draft())
        besieged.alice.execute("select ledger.submit('x')")
    besieged.alice.execute("reset role")
    assert {row["actor"] for row in besieged.events() if row["owner"] == ALICE} == {ALICE}
