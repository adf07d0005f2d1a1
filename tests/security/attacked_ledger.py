"""A ledger that Alice attacks: Bob's jobs and hers, her session, and ways to see that an attack had no effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from databases import Database
from ledger_calls import Draft, push, sequence
from psycopg import Connection, sql
from psycopg.rows import DictRow

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted, PushReply

ALICE: Final = "app_alice"
BOB: Final = "app_bob"
SECRET: Final = "bobs-secret"
"""What Bob's job is about. It must never be seen by Alice."""
CLIENT_TYPES: Final = ("job.requested", "job.cancel_requested")


class AttackedLedger:
    """A ledger in which Bob has a waiting job and a refusal, and Alice a job of her own; all of it is in order."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.owner: Final = database.connect()
        self.alice: Final = database.connect(ALICE)
        self.bobs_replica: Final = new_id()
        self.bobs_request: Final = Draft(data=f'{{"name": "{SECRET}", "params": {{"card": "{SECRET}"}}}}')
        bob = database.connect(BOB)
        push(bob, self.bobs_replica, 0, [self.bobs_request, Draft(type="job.completed", data=f'"{SECRET}"')])
        self.alices_replica: Final = new_id()
        self.alices_request: Final = Draft()
        push(self.alice, self.alices_replica, 0, [self.alices_request])
        sequence(self.owner)

    @property
    def bobs_job(self) -> UUID:
        return UUID(self.bobs_request.job_id)

    @cached_property
    def tables(self) -> list[str]:
        rows = self.owner.execute(
            "select relname from pg_class where relnamespace = 'ledger'::regnamespace and relkind = 'r' order by 1"
        ).fetchall()
        return [row["relname"] for row in rows]

    @cached_property
    def owned(self) -> set[str]:
        """The tables whose rows belong to someone."""
        rows = self.owner.execute(
            "select table_name from information_schema.columns where table_schema = 'ledger' and column_name = 'owner'"
        ).fetchall()
        return {row["table_name"] for row in rows}

    def digest(self, *, without: str = "") -> dict[str, str]:
        """A digest of every table of the ledger; ``without`` leaves out the rows of one owner."""
        digests = {}
        for table in self.tables:
            mine = sql.SQL("where t.owner <> {}").format(sql.Literal(without)) if table in self.owned else sql.SQL("")
            query = sql.SQL(
                "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as digest from ledger.{} t {}"
            )
            row = self.owner.execute(query.format(sql.Identifier(table), mine)).fetchone()
            assert row is not None
            digests[table] = row["digest"]
        return digests

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Whatever is attempted meanwhile, not one row of the ledger differs afterwards."""
        before = self.digest()
        yield
        assert self.digest() == before

    @contextmanager
    def only_alices(self) -> Iterator[None]:
        """What is attempted meanwhile may add well-formed events of Alice's own, and nothing else."""
        before, known = self.digest(without=ALICE), set(self._event_ids())
        yield
        after = self.digest(without=ALICE)
        assert {table for table in before if before[table] != after[table]} <= {"replica_turns"}
        for event in self.events():
            if event["id"] in known:
                continue
            assert (event["owner"], event["actor"]) == (ALICE, ALICE)
            assert event["type"] in (*CLIENT_TYPES, "replica.forked", "replica.rewound")
            assert event["v"] == 1
            assert event["is_recent"]
            assert event["replica_owner"] in (ALICE, None)
            assert event["job_id"] != self.bobs_job
        self.assert_sound()

    def assert_sound(self) -> None:
        """The log goes on, Bob's job still waits, and every replica's numbers are used once, up to its head."""
        sequence(self.owner)
        bobs = self.owner.execute(
            "select status, cancel_requested_at, owner from ledger.jobs where job_id = %(job)s", {"job": self.bobs_job}
        ).fetchone()
        assert bobs == {"status": "pending", "cancel_requested_at": None, "owner": BOB}
        twice = self.owner.execute("""
            select replica_id, replica_seq from (
                select e.replica_id, e.replica_seq from ledger.events e where e.replica_id is not null
                union all select f.replica_id, f.replica_seq from ledger.refusals f) x
            group by 1, 2 having count(*) > 1
        """).fetchall()
        assert twice == []
        astray = self.owner.execute("""
            select r.replica_id, r.head from ledger.replicas r
            left join (select e.replica_id, e.replica_seq from ledger.events e
                       union all select f.replica_id, f.replica_seq from ledger.refusals f) x using (replica_id)
            group by 1, 2 having max(x.replica_seq) > r.head
        """).fetchall()
        assert astray == []

    def events(self) -> list[DictRow]:
        return self.owner.execute("""
            select e.*, e.data::text as text, r.owner as replica_owner,
                   e.recorded_at between now() - interval '5 minutes' and now() as is_recent
            from ledger.events e left join ledger.replicas r using (replica_id)
        """).fetchall()

    def _event_ids(self) -> list[UUID]:
        return [event["id"] for event in self.events()]

    def refused(self, *drafts: Draft, session: Connection[DictRow] | None = None) -> list[str]:
        """Push from a new replica of Alice's; the codes of what was refused."""
        reply = push(session or self.alice, new_id(), 0, drafts)
        assert isinstance(reply, Accepted), reply
        return [refusal.code for refusal in reply.refused]

    def push(self, replica: UUID, base: int, *drafts: Draft) -> PushReply:
        return push(self.alice, replica, base, drafts)


def value(connection: Connection[DictRow], query: str, **parameters: Any) -> Any:
    """The one value that a query gives."""
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return next(iter(row.values()))


def with_text(field: str, text: str) -> Draft:
    """A well-formed event, but for one of its texts."""
    changed: dict[str, Any] = {field: text}
    return replace(Draft(), **changed)
