"""``ledger.push`` from two sessions at the same moment: each waits for what concerns it, and then judges again."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from databases import Database
from ledger_calls import Draft, assert_projection_is_fold, push
from waiting import until

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, Forked, PushReply


@contextmanager
def pushed_meanwhile(
    database: Database, replica: UUID, base: int, events: Sequence[Draft]
) -> Iterator[list[PushReply]]:
    """Push from a second session of Alice's, which has to wait for what the block then commits; its reply."""
    session, watcher = database.connect("app_alice"), database.connect()
    replies: list[PushReply] = []
    thread = threading.Thread(target=lambda: replies.append(push(session, replica, base, events)))
    thread.start()
    until(
        lambda: watcher.execute("select from pg_locks where not granted").fetchone() is not None,
        "the second session to wait",
    )
    yield replies
    thread.join()


def test_p2_of_two_pushes_of_one_replica_at_one_base_one_is_accepted(database: Database) -> None:
    first, replica = database.connect("app_alice", autocommit=False), new_id()
    push(first, replica, 0, [Draft()])
    first.commit()
    push(first, replica, 1, [Draft()])
    with pushed_meanwhile(database, replica, 1, [Draft()]) as replies:
        first.commit()
    assert replies == [Forked(at=2, head=2)]
    assert_projection_is_fold(database.connect())


def test_p2_two_first_pushes_of_one_replica_are_one_after_the_other(database: Database) -> None:
    first, replica, event = database.connect("app_alice", autocommit=False), new_id(), Draft()
    push(first, replica, 0, [event])
    with pushed_meanwhile(database, replica, 0, [event, Draft()]) as replies:
        first.commit()
    [reply] = replies
    assert isinstance(reply, Accepted)
    assert (reply.head, reply.refused) == (2, ())


def test_p8_an_id_that_another_file_is_just_sending_is_accepted_beside_poison(database: Database) -> None:
    first, event = database.connect("app_alice", autocommit=False), Draft()
    push(first, new_id(), 0, [event])
    with pushed_meanwhile(database, new_id(), 0, [Draft(data="{bad"), event]) as replies:
        first.commit()
    [reply] = replies
    assert isinstance(reply, Accepted)
    assert [refusal.seq for refusal in reply.refused] == [1]
