"""Leading: the election, ordering, and taking back what the dead have left, in one session."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final
from uuid import UUID

import psycopg

from ledger.ports.store import (
    AttemptEvent,
    Claimed,
    ClaimRequest,
    Election,
    EndOfLog,
    FailingDuty,
    Heartbeats,
    Interrupted,
    Lease,
    Orphan,
    Pass,
    Released,
    Silent,
    TakenBack,
)
from ledger.postgres.store.link import Link
from ledger.postgres.store.work import RECORD, columns

TRANSACTION_S: Final = 2
"""For how long a leader that was frozen in the midst of a rescue may keep what it has locked."""

LET_GO: Final = "select set_config('idle_in_transaction_session_timeout', %(seconds)s, false)"
ENSURE_EPOCH: Final = "select ledger.ensure_epoch(%(epoch)s, %(last_seq)s, %(event_id)s)"
STAND: Final = """
    select s.elected, s.turn, e.epoch, e.last_seq, e.event_id
    from ledger.stand_for_leader(%(candidate)s, %(host)s, %(pid)s, %(silent)s) s, ledger.end_of_log() e
"""
LEAD: Final = (
    "select l.leads, e.epoch, e.last_seq, e.event_id from ledger.lead(%(leader)s) l (leads), ledger.end_of_log() e"
)
SEQUENCE: Final = "select o.sequenced, o.more, o.new_work, o.next_due from ledger.order_events() o"
RELEASE: Final = "select r.new_work, r.next_due from ledger.release_due() r"
SEQUENCE_AND_CLAIM: Final = """
    select s.sequenced, s.more, s.new_work, s.next_due, s.job_id::text, s.name, s.attempt, s.failures, s.losses,
           s.max_attempts, s.timeout_ms, s.owner, s.requested_at, s.request
    from ledger.order_and_claim(%(processor)s, %(claim)s, %(namespaces)s, %(names)s, %(limit)s) s
"""
HEARTBEATS: Final = """
    select p.processor, p.beats, false as gone from ledger.processors p where p.stopped_at is null and p.lost_at is null
    union all
    select distinct c.processor, 0, true from ledger.claims c join ledger.processors p on p.processor = c.processor
    where p.stopped_at is not null or p.lost_at is not null
"""
FIND_LOST: Final = """
    select f.processor, f.noticed_by, f.job_id::text, f.attempt, f.losses, f.alone, f.losses_alone, now() as found_at
    from ledger.find_lost(%(silent)s::uuid[], %(beats)s::bigint[], %(overdue)s::boolean[]) f
    order by f.processor
"""
"""Where a processor left only claims, there is one row whose job_id is null."""
NOTE_FAILING: Final = "select ledger.note_failing(%(leader)s, %(failing)s::json)"
FORGET_ALL: Final = "select ledger.forget_claims(%(processor)s)"


class Leading:
    """One connection; what breaks it ends the leadership."""

    def __init__(self, dsn: str) -> None:
        self._leading = Link(dsn, "leader")

    async def join_election(self) -> None:
        await self._leading.close()
        await self._leading.open()
        await self._leading.fetch_once(LET_GO, {"seconds": f"{TRANSACTION_S}s"})

    async def leave_election(self) -> None:
        await self._leading.close()

    async def ensure_epoch(self, seen: EndOfLog) -> str | None:
        try:
            await self._leading.fetch_once(ENSURE_EPOCH, seen._asdict())
        except (psycopg.errors.ObjectNotInPrerequisiteState, Interrupted) as error:
            cause = error if isinstance(error, psycopg.Error) else error.__cause__
            if isinstance(cause, psycopg.errors.LockNotAvailable):
                return "transactions that have written events stay open"
            if isinstance(cause, psycopg.errors.ObjectNotInPrerequisiteState):
                return cause.diag.message_primary or "the ledger is not ready"
            raise
        return None

    async def stand(self, candidate: UUID, host: str, pid: int, silent: int | None) -> Election:
        who = {"candidate": candidate, "host": host, "pid": pid, "silent": silent}
        [(elected, renewals, *end)] = await self._leading.fetch_once(STAND, who)
        return Election(elected, renewals, EndOfLog(*end))

    async def lead(self, leader: UUID) -> Lease:
        [(leads, *end)] = await self._leading.fetch_once(LEAD, {"leader": leader})
        return Lease(leads, EndOfLog(*end))

    async def note_failing(self, leader: UUID, failing: Sequence[FailingDuty]) -> None:
        by_name = {duty.name: duty._asdict() | {"since": duty.since.isoformat()} for duty in failing}
        await self._leading.fetch_once(NOTE_FAILING, {"leader": leader, "failing": json.dumps(by_name)})

    async def sequence(self) -> Pass:
        [row] = await self._leading.fetch_once(SEQUENCE)
        return Pass(*row)

    async def sequence_and_claim(self, request: ClaimRequest) -> Pass:
        rows = await self._leading.fetch_once(SEQUENCE_AND_CLAIM, request._asdict())
        sequenced, more, new_work, next_due = rows[0][:4]
        claimed = [Claimed(*row[4:]) for row in rows if row[4] is not None] if new_work else None
        return Pass(sequenced, more, new_work, next_due, claimed)

    async def release(self) -> Released:
        [row] = await self._leading.fetch_once(RELEASE)
        return Released(*row)

    async def heartbeats(self) -> Heartbeats:
        rows = await self._leading.fetch_once(HEARTBEATS)
        return Heartbeats([(processor, beats) for processor, beats, gone in rows if not gone], any(r[2] for r in rows))

    async def rescue(
        self, silent: Sequence[Silent], settle: Callable[[Orphan], Sequence[AttemptEvent]]
    ) -> list[TakenBack]:
        parameters = {
            "silent": [one.processor for one in silent],
            "beats": [one.beats for one in silent],
            "overdue": [one.overdue for one in silent],
        }
        taken_back = []
        async with self._leading.transaction():
            rows = await self._leading.fetch_once(FIND_LOST, parameters)
            for processor, left in groupby(rows, key=lambda row: row[0]):
                orphans = [Orphan(*row) for row in left if row[2] is not None]
                events = [event for orphan in orphans for event in settle(orphan)]
                if events:
                    await self._leading.fetch_once(RECORD, columns(processor, events))
                await self._leading.fetch_once(FORGET_ALL, {"processor": processor})
                taken_back.append(TakenBack(processor, len({orphan.job_id for orphan in orphans})))
        return taken_back
