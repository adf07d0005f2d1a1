"""Acting on behalf of another owner: only for a login that was granted it, and both names are in the event."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg
import pytest
from databases import Database
from ledger_calls import Draft, assert_projection_is_fold, push, push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Refused

CAROL = "carol@example.com"


def delegate(database: Database, login: str, owner: str | None, may: bool = True) -> bool:
    row = (
        database.connect()
        .execute(
            "select ledger.delegate(%(login)s, %(owner)s, %(may)s) as changed",
            {"login": login, "owner": owner, "may": may},
        )
        .fetchone()
    )
    assert row is not None
    return bool(row["changed"])


def pulled(client: Connection[DictRow], on_behalf_of: str | None = None) -> Sequence[UUID]:
    rows = client.execute(
        "select p.id from ledger.pull(0, null, 1000, %(owner)s) p where p.id is not null", {"owner": on_behalf_of}
    ).fetchall()
    return [row["id"] for row in rows]


def test_p11_owner_is_whom_it_acts_for_and_actor_is_the_login(database: Database) -> None:
    delegate(database, "app_alice", CAROL)
    alice, owner = database.connect("app_alice"), database.connect()
    draft = Draft()
    assert isinstance(push(alice, new_id(), 0, [draft], on_behalf_of=CAROL), Accepted)
    job = alice.execute("select ledger.submit('noop', on_behalf_of => %(owner)s)", {"owner": CAROL}).fetchone()
    assert job is not None
    sequence(owner)
    names = owner.execute("select owner, actor from ledger.events where type = 'job.requested'").fetchall()
    assert names == [{"owner": CAROL, "actor": "app_alice"}] * 2
    assert owner.execute("select distinct owner from ledger.jobs").fetchall() == [{"owner": CAROL}]
    assert UUID(draft.id) in pulled(alice, CAROL)
    assert UUID(draft.id) not in pulled(alice)
    assert_projection_is_fold(owner)


@pytest.mark.parametrize("wanted", [CAROL, "app_bob", "nobody", "", "x" * 201, "postgres"])
def test_p11_nobody_acts_for_an_owner_without_having_been_granted_it(database: Database, wanted: str) -> None:
    delegate(database, "app_bob", CAROL)  # someone else may
    delegate(database, "app_alice", "dave@example.com")  # and she may for someone else
    alice, owner = database.connect("app_alice"), database.connect()
    (secret,) = push_jobs(database.connect("app_bob"), 1)
    sequence(owner)
    reply = push(alice, new_id(), 0, [Draft(), Draft("job.cancel_requested", "{}", str(secret))], on_behalf_of=wanted)
    assert isinstance(reply, Refused)
    assert reply.code == "not_allowed"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        pulled(alice, wanted)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        alice.execute("select ledger.submit('noop', on_behalf_of => %(owner)s)", {"owner": wanted})
    assert owner.execute("select count(*) as n from ledger.events where actor = 'app_alice'").fetchone() == {"n": 0}
    assert owner.execute("select count(*) as n from ledger.replicas where owner = %(w)s", {"w": wanted}).fetchone() == {
        "n": 1 if wanted == "app_bob" else 0
    }


def test_one_who_may_act_for_every_owner_may_until_that_is_taken_back(database: Database) -> None:
    alice = database.connect("app_alice")
    assert delegate(database, "app_alice", None)
    assert not delegate(database, "app_alice", None), "it had that already"
    replica, first, second = new_id(), Draft(), Draft()
    assert isinstance(push(alice, replica, 0, [first], on_behalf_of=CAROL), Accepted)
    assert delegate(database, "app_alice", None, may=False)
    assert isinstance(push(alice, replica, 1, [second], on_behalf_of=CAROL), Refused)
    assert isinstance(push(alice, new_id(), 0, [Draft()]), Accepted), "what is its own stays its own"


def test_p11_a_replica_stays_with_its_owner_whoever_sends_it(database: Database) -> None:
    delegate(database, "app_alice", CAROL)
    delegate(database, "app_bob", CAROL)
    alice, bob, replica = database.connect("app_alice"), database.connect("app_bob"), new_id()
    assert isinstance(push(alice, replica, 0, [Draft()], on_behalf_of=CAROL), Accepted)
    assert isinstance(push(bob, replica, 1, [Draft()], on_behalf_of=CAROL), Accepted)
    reply = push(alice, replica, 2, [Draft()])
    assert isinstance(reply, Refused)
    assert reply.code == "not_yours"


def test_who_was_let_act_for_whom_is_in_the_log(database: Database) -> None:
    delegate(database, "app_alice", CAROL)
    delegate(database, "app_alice", CAROL, may=False)
    owner = database.connect()
    sequence(owner)
    logged = owner.execute(
        """
        select e.type, e.data ->> 'login' as login, e.data ->> 'owner' as owner
        from ledger.log l join ledger.events e on e.id = l.event_id where e.type like 'delegation.%%' order by l.seq
        """
    ).fetchall()
    assert logged == [
        {"type": "delegation.granted", "login": "app_alice", "owner": CAROL},
        {"type": "delegation.revoked", "login": "app_alice", "owner": CAROL},
    ]


@pytest.mark.parametrize("role", ["app_alice", "worker", "auditor", "operator"])
def test_p11_no_group_of_the_ledger_can_delegate(database: Database, role: str) -> None:
    session = database.connect(role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("select ledger.delegate('app_alice', null, true)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("insert into ledger.delegations (actor) values ('app_alice')")
