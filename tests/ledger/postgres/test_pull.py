"""``ledger.pull``: an owner's part of the log, and how far it was read."""

from __future__ import annotations

from typing import Any

from databases import Database
from ledger_calls import push_jobs, sequence
from psycopg import Connection
from psycopg.rows import DictRow

from ledger.model.ids import new_id


def pull(
    client: Connection[DictRow], after: int = 0, epoch: Any = None, limit: int = 1000
) -> tuple[int, Any, list[int]]:
    rows = client.execute(
        "select * from ledger.pull(%(after)s::bigint, %(epoch)s::uuid, %(limit)s::integer)",
        {"after": after, "epoch": epoch, "limit": limit},
    ).fetchall()
    return rows[0]["upto_seq"], rows[0]["epoch"], [row["seq"] for row in rows if row["id"] is not None]


def test_p11_a_client_pulls_only_its_own_events(database: Database) -> None:
    alice, bob, owner = database.connect("app_alice"), database.connect("app_bob"), database.connect()
    push_jobs(alice, 2)
    push_jobs(bob, 3)
    push_jobs(alice, 1)
    sequence(owner)
    assert pull(alice)[2] == [1, 2, 6]
    assert pull(bob)[2] == [3, 4, 5]


def test_the_cursor_moves_where_nothing_matched(database: Database) -> None:
    alice, bob, owner = database.connect("app_alice"), database.connect("app_bob"), database.connect()
    push_jobs(bob, 5)
    sequence(owner)
    upto, _, events = pull(alice)
    assert (upto, events) == (5, [])
    push_jobs(alice, 1)
    sequence(owner)
    assert pull(alice, after=5)[::2] == (6, [6])


def test_a_full_page_reaches_as_far_as_its_last_event(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 5)
    sequence(owner)
    assert pull(alice, limit=2)[::2] == (2, [1, 2])
    assert pull(alice, after=2, limit=2)[::2] == (4, [3, 4])
    assert pull(alice, after=4, limit=2)[::2] == (5, [5])
    assert pull(alice, after=5, limit=2)[::2] == (5, [])


def test_a_cursor_beyond_the_end_stays_where_it_is(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 1)
    sequence(owner)
    assert pull(alice, after=10)[::2] == (10, [])


def test_another_epoch_is_all_that_a_pull_answers(database: Database) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push_jobs(alice, 2)
    sequence(owner)
    _, epoch, _ = pull(alice)
    assert pull(alice, epoch=epoch)[2] == [1, 2]
    upto, answered, events = pull(alice, after=1, epoch=new_id())
    assert (upto, answered, events) == (1, epoch, [])
