"""P12: a reader with a cursor never misses an event, however commits interleave.

A long transaction elsewhere delays nobody.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from databases import Database
from ledger_calls import Draft, assert_projection_is_fold, push, sequence

from ledger.model.ids import new_id
from ledger.postgres.feed import read_log

WRITERS = 6
TRANSACTIONS = 30


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p12_every_event_is_read_once_while_another_transaction_stays_open(database: Database, seed: int) -> None:
    """Writers commit several open transactions each in shuffled order, some not at all; two sequencers compete."""
    owner = database.connect()
    sequence(owner)
    held = database.connect("app_alice")
    written: set[str] = set()
    done = threading.Event()

    def write(number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        with ExitStack() as stack:
            connections = [stack.enter_context(database.connect("app_alice", autocommit=False)) for _ in range(4)]
            for _ in range(TRANSACTIONS // 4):
                open_now = []
                for connection in connections:
                    batch = [Draft() for _ in range(chance.randint(1, 5))]
                    push(connection, new_id(), 0, batch)
                    if chance.random() < 0.3:  # an inner transaction that is rolled back must not confuse anyone
                        with connection.transaction(force_rollback=True):
                            push(connection, new_id(), 0, [Draft()])
                    open_now.append((connection, batch))
                chance.shuffle(open_now)
                for connection, batch in open_now:
                    if chance.random() < 0.2:
                        connection.rollback()
                    else:
                        connection.commit()
                        written.update(draft.id for draft in batch)

    def sequence_all() -> None:
        connection = database.connect("worker")
        while not done.is_set():
            sequence(connection, limit=17)
        sequence(connection)

    late = Draft()
    with held.transaction(), ThreadPoolExecutor(WRITERS + 2) as pool:
        push(held, new_id(), 0, [late])
        writers = [pool.submit(write, n) for n in range(WRITERS)]
        sequencers = [pool.submit(sequence_all) for _ in range(2)]
        reader, cursor, seen = database.connect("auditor"), 0, []
        while not all(writer.done() for writer in writers):
            for row in read_log(reader, after=cursor):
                seen.append(str(row["id"]))
                cursor = row["seq"]
        done.set()
        for work in writers + sequencers:
            work.result()
        for row in read_log(reader, after=cursor):
            seen.append(str(row["id"]))
            cursor = row["seq"]
        # the transaction is still open, and has delayed nobody
        assert len(seen) == len(set(seen))
        assert set(seen) == written
        assert cursor == len(written)
    sequence(owner)
    assert [str(row["id"]) for row in read_log(reader, after=cursor)] == [late.id]
    assert_projection_is_fold(owner)
