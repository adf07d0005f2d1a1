"""What every ``Server`` does, whatever keeps the ledger: the contract, over each implementation (DESIGN, Sync)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from client_worlds import ClientWorld, FirstPostgresClients
from ledger_calls import Draft, columns
from refused_drafts import REFUSED

from ledger.errors import BadAnswer, ServerUnreachable, SyncRefused
from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Behind, Forked, Hello, OtherProtocol, PushReply, Refused
from ledger.ports.server import EventRow, Page, Server

LARGE = 1_000_000
SOON_S = 0.01
LONG_S = 60.0


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def join(world: ClientWorld, opened: ExitStack) -> Callable[..., Server]:
    """One more session, which has said hello."""

    def join(login: str = "app_alice") -> Server:
        server = world.server(login)
        opened.callback(server.close)
        server.hello()
        return server

    return join


@pytest.fixture
def alice(join: Callable[..., Server]) -> Server:
    return join()


@pytest.fixture
def wakes() -> Iterator[tuple[socket.socket, socket.socket]]:
    """What wakes a waiting thread: written into the first, read from the second."""
    given, read = socket.socketpair()
    with given, read:
        yield given, read


def push(server: Server, replica: UUID, base: int, *drafts: Draft, on_behalf_of: str | None = None) -> PushReply:
    return server.push(replica, base, columns(drafts), on_behalf_of)


def accepted(reply: PushReply) -> Accepted:
    assert isinstance(reply, Accepted)
    return reply


def request(server: Server, count: int = 1, **data: Any) -> list[Draft]:
    """Request so many jobs from a new replica."""
    drafts = [Draft(data=json.dumps({"name": "noop", **data})) for _ in range(count)]
    assert accepted(push(server, new_id(), 0, *drafts)).refused == ()
    return drafts


def pull(
    server: Server,
    after: int = 0,
    epoch: UUID | None = None,
    events: int = 1000,
    size: int = LARGE,
    on_behalf_of: str | None = None,
) -> tuple[Page, list[EventRow]]:
    page = server.pull(after, epoch, events, size, on_behalf_of)
    rows = list(page.events)
    assert len(rows) == page.count
    return page, rows


def read(server: Server) -> list[EventRow]:
    return pull(server)[1]


# Hello


def test_hello_says_what_a_client_has_to_know(world: ClientWorld) -> None:
    server = world.server()
    hello = server.hello()
    assert isinstance(hello, Hello)
    assert (hello.login, hello.owner) == ("app_alice", "app_alice")
    assert (hello.protocol.oldest, hello.protocol.newest) == (1, 1)
    assert hello.limits["max_event_bytes"] == 262_144
    assert hello.time is not None
    assert abs(datetime.now(UTC) - hello.time) < timedelta(hours=1)
    assert hello.epoch in (None, pull(server)[0].epoch), "a server of version 1 does not say"
    server.close()
    server.close()


def may_act(server: Server, owner: str) -> bool:
    """Whether hello takes the login for one that may act for the owner. Version 1 refuses at once, by the same code."""
    try:
        hello = server.hello(owner)
    except SyncRefused as error:
        return error.code != "not_allowed"
    assert isinstance(hello, Hello)
    return (hello.login, hello.owner) == ("app_alice", owner)


def test_p11_hello_says_whether_a_login_may_act_for_an_owner(world: ClientWorld, alice: Server) -> None:
    assert not may_act(alice, "carol")
    world.delegate("app_alice", "carol")
    assert may_act(alice, "carol")


def test_hello_says_which_protocol_is_spoken_where_it_is_another(world: ClientWorld, opened: ExitStack) -> None:
    if isinstance(world, FirstPostgresClients):
        pytest.skip("version 1 speaks version 1")
    world.speak(3, 4)
    server = world.server()
    opened.callback(server.close)
    other = server.hello()
    assert isinstance(other, OtherProtocol)
    assert (other.protocol.oldest, other.protocol.newest) == (3, 4)
    world.speak(1, 1)
    assert isinstance(server.hello(), Hello), "the server was upgraded meanwhile"


# Push: the table of DESIGN, Sync


def test_p2_sending_a_batch_again_equals_sending_it_once(world: ClientWorld, alice: Server) -> None:
    replica, batch = new_id(), [Draft() for _ in range(5)]
    for _ in range(3):
        assert accepted(push(alice, replica, 0, *batch)).head == 5
    world.order()
    assert [event.id for event in read(alice)] == [draft.id for draft in batch]


def test_p2_a_batch_that_overlaps_is_taken_from_where_the_last_one_ended(world: ClientWorld, alice: Server) -> None:
    replica, batch = new_id(), [Draft() for _ in range(5)]
    push(alice, replica, 0, *batch[:3])
    assert accepted(push(alice, replica, 1, *batch[1:])).head == 5
    world.order()
    assert [(event.replica_id, event.replica_seq) for event in read(alice)] == [(str(replica), n) for n in range(1, 6)]


def test_an_empty_push_says_how_far_the_server_is(alice: Server) -> None:
    replica = new_id()
    push(alice, replica, 0, Draft())
    assert accepted(push(alice, replica, 1)).head == 1


def test_the_reply_says_the_servers_time(alice: Server) -> None:
    assert abs(datetime.now(UTC) - accepted(push(alice, new_id(), 0, Draft())).time) < timedelta(hours=1)


def test_a_copied_file_hears_where_it_forked_and_an_auditor_reads_it_once(world: ClientWorld, alice: Server) -> None:
    replica, shared = new_id(), [Draft() for _ in range(2)]
    push(alice, replica, 0, *shared, Draft())
    for _ in range(2):
        assert push(alice, replica, 0, *shared, Draft()) == Forked(at=3, head=3)
    world.order()
    (noted,) = [event for event in read(alice) if event.type == "replica.forked"]
    assert json.loads(noted.data) == {"replica": str(replica), "at": 3, "head": 3}


def test_a_restored_server_says_from_where_it_needs_events_and_an_auditor_reads_it_once(
    world: ClientWorld, alice: Server
) -> None:
    replica = new_id()
    push(alice, replica, 0, Draft())
    for _ in range(2):
        assert push(alice, replica, 7, Draft()) == Behind(head=1)
    world.order()
    (noted,) = [event for event in read(alice) if event.type == "replica.rewound"]
    assert json.loads(noted.data) == {"replica": str(replica), "head": 1, "client_had": 7}


@pytest.mark.parametrize(("code", "draft"), REFUSED)
def test_p8_a_refused_event_delays_nobody_and_its_author_learns_why(
    world: ClientWorld, alice: Server, code: str, draft: Callable[[], Draft]
) -> None:
    replica, before, poison, after = new_id(), Draft(), draft(), Draft()
    for _ in range(2):
        reply = accepted(push(alice, replica, 0, before, poison, after))
        assert reply.head == 3
        assert [(r.seq, r.event_id, r.code) for r in reply.refused] == [(2, poison.id, code)]
        assert reply.refused[0].detail
    world.order()
    assert [event.id for event in read(alice)] == [before.id, after.id]


def test_p8_what_is_wrong_outside_of_an_event_is_said_before_what_is_wrong_inside(alice: Server) -> None:
    (known,) = request(alice)
    bad = "{bad"
    reply = accepted(
        push(
            alice, new_id(), 0,
            Draft(id="nobody", data=bad), Draft(occurred_at="yesterday", data=bad), Draft(id=known.id, data=bad),
            Draft("job.completed", bad), Draft(v=2, data=bad), Draft(data=bad),
        )
    )  # fmt: skip
    assert [refused.code for refused in reply.refused] == [
        "invalid", "invalid", "id_conflict", "not_allowed", "unknown_version", "invalid",
    ]  # fmt: skip


def test_a_job_is_requested_once(alice: Server) -> None:
    first = Draft()
    reply = accepted(push(alice, new_id(), 0, first, Draft(job_id=first.job_id), Draft()))
    assert [(refused.seq, refused.code) for refused in reply.refused] == [(2, "id_conflict")]


def test_an_event_that_came_by_another_file_is_acknowledged(world: ClientWorld, alice: Server) -> None:
    event = Draft()
    for _ in range(2):
        assert accepted(push(alice, new_id(), 0, event)).refused == ()
    world.order()
    assert len(read(alice)) == 1


# Limits


def test_p8_one_event_over_a_lowered_batch_limit_is_validated_and_not_sent_back(
    world: ClientWorld, alice: Server
) -> None:
    world.limit(max_batch_bytes=1000)
    replica = new_id()
    large, small = Draft(data=json.dumps({"name": "x", "params": {"pad": "x" * 2000}})), Draft()
    together = push(alice, replica, 0, large, small)
    assert isinstance(together, Refused)
    assert together.code == "too_large"
    alone = accepted(push(alice, replica, 0, large))
    assert [(refused.seq, refused.code) for refused in alone.refused] == [(1, "too_large")]
    assert accepted(push(alice, replica, 1, small)).head == 2


def test_limits_are_those_of_the_moment(world: ClientWorld, alice: Server) -> None:
    world.limit(max_batch_events=2, max_params_bytes=100)
    many = push(alice, new_id(), 0, Draft(), Draft(), Draft())
    assert isinstance(many, Refused)
    assert many.code == "too_large"
    wide = Draft(data=json.dumps({"name": "x", "params": {"pad": "x" * 100}}))
    assert [refused.code for refused in accepted(push(alice, new_id(), 0, wide)).refused] == ["too_large"]
    hello = alice.hello()
    assert isinstance(hello, Hello)
    assert (hello.limits["max_batch_events"], hello.limits["max_params_bytes"]) == (2, 100)


# Owners


def test_p11_a_replica_belongs_to_the_one_who_used_it_first(join: Callable[..., Server]) -> None:
    replica = new_id()
    push(join("app_alice"), replica, 0, Draft())
    reply = push(join("app_bob"), replica, 1, Draft())
    assert isinstance(reply, Refused)
    assert reply.code == "not_yours"


def test_p11_another_owners_job_cannot_be_cancelled(join: Callable[..., Server]) -> None:
    (job,) = request(join("app_alice"))
    reply = accepted(push(join("app_bob"), new_id(), 0, Draft("job.cancel_requested", "{}", job.job_id)))
    assert [refused.code for refused in reply.refused] == ["not_yours"]


def test_p11_owner_actor_and_time_come_from_the_session(world: ClientWorld, alice: Server) -> None:
    forged = {"name": "x", "owner": "app_bob", "actor": "root", "recorded_at": "1999-01-01T00:00:00Z"}
    push(alice, new_id(), 0, Draft(data=json.dumps(forged), occurred_at="1999-01-01T00:00:00+01:00"))
    world.order()
    (event,) = read(alice)
    assert (event.owner, event.actor, event.occurred_at) == ("app_alice", "app_alice", "1998-12-31T23:00:00.000000Z")
    assert event.recorded_at is not None
    assert datetime.now(UTC) - datetime.fromisoformat(event.recorded_at) < timedelta(hours=1)


def test_p11_a_client_reads_only_its_own_events(world: ClientWorld, join: Callable[..., Server]) -> None:
    alice, bob = join("app_alice"), join("app_bob")
    for server, count in ((alice, 2), (bob, 3), (alice, 1)):
        request(server, count)
        world.order()
    assert [event.seq for event in read(alice)] == [1, 2, 6]
    assert [event.seq for event in read(bob)] == [3, 4, 5]


def test_p11_who_may_act_for_an_owner_writes_and_reads_in_that_name(
    world: ClientWorld, join: Callable[..., Server]
) -> None:
    alice, bob = join("app_alice"), join("app_bob")
    world.delegate("app_alice", "carol")
    draft = Draft()
    assert accepted(push(alice, new_id(), 0, draft, on_behalf_of="carol")).refused == ()
    world.order()
    (event,) = [e for e in pull(alice, on_behalf_of="carol")[1] if e.type == "job.requested"]
    assert (event.id, event.owner, event.actor) == (draft.id, "carol", "app_alice")
    assert all(e.type != "job.requested" for e in read(alice))
    refused = push(bob, new_id(), 0, Draft(), on_behalf_of="carol")
    assert isinstance(refused, Refused)
    assert refused.code == "not_allowed"
    with pytest.raises(SyncRefused) as error:
        pull(bob, on_behalf_of="carol")
    assert error.value.code == "not_allowed"


# Pages


def test_data_comes_back_as_the_exact_text(world: ClientWorld, alice: Server) -> None:
    text = '{"name":"x",  "params": {"a": 1.50, "b": 9007199254740993, "a": 2}}'
    push(alice, new_id(), 0, Draft(data=text))
    world.order()
    assert [event.data for event in read(alice)] == [text]


def test_the_cursor_moves_where_nothing_was_this_owners(world: ClientWorld, join: Callable[..., Server]) -> None:
    alice, bob = join("app_alice"), join("app_bob")
    request(bob, 5)
    world.order()
    page, rows = pull(alice)
    assert (page.upto_seq, rows) == (5, [])
    request(alice)
    world.order()
    page, rows = pull(alice, after=5)
    assert (page.upto_seq, [event.seq for event in rows]) == (6, [6])
    assert pull(alice, after=6)[0].upto_seq == 6


def test_a_full_page_reaches_as_far_as_its_last_event(world: ClientWorld, join: Callable[..., Server]) -> None:
    alice, bob = join("app_alice"), join("app_bob")
    request(alice, 3)
    world.order()
    request(bob, 2)
    world.order()
    assert (pull(alice, events=2)[0].upto_seq, pull(alice, events=3)[0].upto_seq) == (2, 3)
    assert pull(alice, events=4)[0].upto_seq == 5


def test_a_page_ends_after_the_event_that_reaches_its_size(world: ClientWorld, alice: Server) -> None:
    request(alice, 5, params={"x": "x" * 1000})
    world.order()
    page, rows = pull(alice, size=1500)
    assert (page.is_cut, page.upto_seq, [event.seq for event in rows]) == (True, 2, [1, 2])
    page, rows = pull(alice, after=2, size=LARGE)
    assert (page.is_cut, page.upto_seq, [event.seq for event in rows]) == (False, 5, [3, 4, 5])
    page, rows = pull(alice, size=1)
    assert (page.is_cut, [event.seq for event in rows]) == (True, [1]), "one event always fits"


def test_another_epoch_is_said_and_nothing_else(world: ClientWorld, alice: Server) -> None:
    request(alice, 2)
    world.order()
    known = pull(alice)[0].epoch
    assert len(pull(alice, epoch=known)[1]) == 2
    world.begin_epoch()
    page, rows = pull(alice, after=1, epoch=known)
    assert (page.epoch != known, rows) == (True, [])
    assert len(pull(alice, epoch=page.epoch)[1]) >= 2, "the log is there, in its new epoch"


# News, and the end


def test_news_are_announced_once_the_log_has_grown(
    world: ClientWorld, alice: Server, wakes: tuple[socket.socket, socket.socket]
) -> None:
    assert alice.announces
    read(alice)
    request(alice)
    world.order()
    assert alice.wait_for_news(LONG_S, wakes[1])
    assert len(read(alice)) == 1
    while alice.wait_for_news(SOON_S, wakes[1]):  # an empty log's order may have been announced as well
        pass


def test_a_wait_ends_when_its_waker_does_something(alice: Server, wakes: tuple[socket.socket, socket.socket]) -> None:
    wakes[0].send(b".")
    assert not alice.wait_for_news(LONG_S, wakes[1])


def test_a_wait_without_news_ends(alice: Server, wakes: tuple[socket.socket, socket.socket]) -> None:
    assert not alice.wait_for_news(SOON_S, wakes[1])


def test_what_waits_for_a_session_that_is_cut_fails_at_once(
    alice: Server, wakes: tuple[socket.socket, socket.socket]
) -> None:
    def wait_for_ever() -> None:
        while True:
            alice.wait_for_news(LONG_S, wakes[1])

    cutting = threading.Timer(0.05, alice.cut)
    cutting.start()
    with pytest.raises(ServerUnreachable):
        wait_for_ever()
    with pytest.raises(ServerUnreachable):
        push(alice, new_id(), 0, Draft())
    cutting.join()


def test_nothing_is_done_in_a_session_that_was_closed(world: ClientWorld) -> None:
    server = world.server()
    server.hello()
    server.close()
    for call in (server.hello, lambda: pull(server), lambda: push(server, new_id(), 0, Draft())):
        with pytest.raises((ServerUnreachable, BadAnswer)):
            call()
