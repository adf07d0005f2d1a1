"""What the file notes after a push."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.sync import outbox
from client_sync.sync.plan import Acknowledge, Position, Refusal, Rewind
from ledger.model.ids import new_id


def test_p8_a_rewind_forgets_the_refusals_of_what_is_sent_again_and_no_others(
    path: Path, jobs: JobClient, plain: sqlite3.Connection
) -> None:
    jobs.submit_many({"name": "a"} for _ in range(3))
    ids = [event_id for (event_id,) in plain.execute("select id from events order by local_seq")]
    refused = tuple(Refusal(number, ids[number - 1], "invalid", "for a reason") for number in (1, 2, 3))
    replica, position = Replica(path), Position(new_id(), acked_seq=3)
    outbox.acknowledge(replica, position, Acknowledge(3, 0, refused), 0)
    outbox.rewind(replica, position, Rewind(acked_seq=2, seq_offset=0))
    replica.close()
    assert plain.execute("select local_seq from refusals order by 1").fetchall() == [(1,), (2,)]
