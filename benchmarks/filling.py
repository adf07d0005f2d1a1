"""Filling a ledger through its own doors, and waiting until its work is done and proved."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from benchmarks.handlers import params
from benchmarks.server import value
from ledger.errors import LedgerError
from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, read_reply
from ledger.postgres.feed import verify

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

    from benchmarks.server import Database

BATCH: Final = 1000
LOOK_EVERY_S: Final = 0.05
PATIENCE_S: Final = 60.0
DRAINS_WITHIN_S: Final = 3600.0

_PUSH: Final = """
    select ledger.push(%(replica)s::uuid, %(base)s::bigint, %(ids)s::text[], %(jobs)s::text[], %(types)s::text[],
                       %(versions)s::integer[], %(occurred)s::text[], %(none)s::text[], %(none)s::text[],
                       %(data)s::text[])::text"""


def push_jobs(database: Database, count: int, name: str = "noop") -> None:
    """Push so many requests, as one client would."""
    replica = new_id()
    with database.server.look(database.dsn_as(database.apps[0])) as connection:
        for base in range(0, count, BATCH):
            numbers = range(base, min(base + BATCH, count))
            reply = read_reply(
                value(
                    connection,
                    _PUSH,
                    replica=replica,
                    base=base,
                    ids=[str(new_id()) for _ in numbers],
                    jobs=[str(new_id()) for _ in numbers],
                    types=["job.requested"] * len(numbers),
                    versions=[1] * len(numbers),
                    occurred=["2026-01-01T00:00:00Z"] * len(numbers),
                    none=[None] * len(numbers),
                    data=[request(i, name) for i in numbers],
                )
            )
            if not isinstance(reply, Accepted) or reply.refused:
                raise LedgerError(f"the server did not take the requests: {reply}")


def request(i: int, name: str = "noop") -> str:
    """The data of a request, as a client's file holds it."""
    return json.dumps({"name": name, "params": params(i)}, separators=(",", ":"))


def sequence_all(database: Database) -> None:
    """Put everything in order without a processor."""
    with database.server.look(database.dsn_as(database.processor)) as connection:
        while value(connection, "select s.more from ledger.sequence() s"):
            pass


def until(
    look: Callable[[], Any], what: str, alive: Callable[[], object] = lambda: None, *, seconds: float = PATIENCE_S
) -> Any:
    """Look again and again until something is there; its value. Raises LedgerError when it does not come."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        alive()
        if time.monotonic() > deadline:
            raise LedgerError(f"waited {seconds:.0f} s for {what}")
        time.sleep(LOOK_EVERY_S)
    return found


def logged(connection: Connection[DictRow]) -> int:
    """How many events are in order."""
    return int(value(connection, "select s.last_seq from ledger.sequencer s"))


def completed(connection: Connection[DictRow]) -> int:
    """How many jobs were completed."""
    return int(value(connection, "select count(*) from ledger.jobs j where j.status = 'completed'"))


def prove(database: Database, jobs: int) -> str:
    """Make sure that so many jobs were completed, each once, and that the projection is the fold of the log.

    Gives what was made sure of. Raises LedgerError.
    """
    sequence_all(database)
    with database.look() as connection:
        ends = value(connection, "select count(*) from ledger.events e where e.type = 'job.completed'")
        if (completed(connection), ends) != (jobs, jobs):
            raise LedgerError(f"{jobs} jobs were to be completed, each once: {completed(connection)}, {ends} ends")
        found = verify(connection)
    if found.unsequenced:
        raise LedgerError(f"{found.unsequenced} events are not in order")
    return "every job completed, each once; the projection is the fold of the log, which has no gap"
