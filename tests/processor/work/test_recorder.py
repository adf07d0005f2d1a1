"""What the recorder does with what it is given, in a real ledger."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from in_process import QUICK, Ledger
from ledger_calls import Worker, push_jobs, sequence, types_of

from ledger.model.ids import new_id
from ledger.ports.store import Unrecordable
from ledger.postgres.store.store import PostgresStore
from processor.entry import Entry
from processor.handlers.stopping import JobCancelled
from processor.work.attempt import ActiveAttempt, Claim
from processor.work.recorder import Recorder

REFUSE = """
    create function refuse_poison() returns trigger language plpgsql as $$
    begin
        raise exception 'poison' using errcode = '{code}';
    end $$;
    create trigger refuse_poison before insert on ledger.events for each row
        when (new.data::text like '%poison%') execute function refuse_poison();
"""


class Desk:
    """A recorder for the running attempts of a worker."""

    def __init__(self, ledger: Ledger, jobs: int) -> None:
        push_jobs(ledger.client, jobs)
        sequence(ledger.owner)
        self.worker = Worker(ledger.database.connect("worker"))
        self.claimed = self.worker.claim()
        self.claim = Claim(new_id(), jobs, 0.0)
        self.attempts = [
            cast("ActiveAttempt", SimpleNamespace(job=self._job(row), claim=self.claim)) for row in self.claimed
        ]
        self.superseded: list[ActiveAttempt] = []
        self._store = PostgresStore(ledger.database.dsn_as("worker"))
        self.recorder = Recorder(self._store, self.worker.id, QUICK, self.superseded.append)

    def _job(self, row: dict[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(job_id=str(row["job_id"]), attempt=row["attempt"], failures=0, max_attempts=None)

    def add(self, n: int, kind: str, data: str = '"step":"s"', **options: Any) -> Future[None]:
        receipt: Future[None] = Future()
        self.recorder.add(self.attempts[n], [Entry(kind, f'{{"attempt":1,{data}}}')], receipt=receipt, **options)
        return receipt

    async def send(self) -> None:
        """Let it send all; raises what ended it."""
        running = asyncio.create_task(self.recorder.run())
        flushed = asyncio.create_task(self.recorder.flush())
        try:
            await asyncio.wait([running, flushed], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
        finally:
            for task in (running, flushed):
                task.cancel()
            await asyncio.gather(running, flushed, return_exceptions=True)
            self.recorder.close()
            await self._store.disconnect()


def test_p8_a_step_that_cannot_be_recorded_is_answered_and_its_neighbours_are_recorded(ledger: Ledger) -> None:
    ledger.owner.execute(REFUSE.format(code="data_exception"))
    desk = Desk(ledger, 3)

    async def scene() -> None:
        steps = [desk.add(n, "step.completed", f'"step":"{"poison" if n == 1 else "s"}"') for n in range(3)]
        await desk.send()
        assert [type(step.exception()) for step in steps] == [type(None), Unrecordable, type(None)]

    asyncio.run(scene())
    assert desk.claim.open == 3
    counts = [types_of(ledger.owner, row["job_id"]).count("step.completed") for row in desk.claimed]
    assert counts == [1, 0, 1]


def test_p5_a_step_that_came_too_late_is_answered_so(ledger: Ledger) -> None:
    desk = Desk(ledger, 1)
    desk.worker.record((desk.claimed[0], "attempt.deferred", {"until": "2020-01-01T00:00:00Z"}))

    async def scene() -> None:
        step = desk.add(0, "step.completed")
        await desk.send()
        assert isinstance(step.exception(), JobCancelled)

    asyncio.run(scene())
    assert desk.superseded == desk.attempts
    assert types_of(ledger.owner, desk.claimed[0]["job_id"])[-1] == "attempt.superseded"


def test_p4_what_waits_for_a_receipt_ends_when_the_recorder_closes(ledger: Ledger) -> None:
    desk = Desk(ledger, 1)

    async def scene() -> None:
        step = desk.add(0, "step.completed")
        desk.recorder.close()
        assert isinstance(step.exception(), JobCancelled)

    asyncio.run(scene())


def test_an_error_that_is_nobodys_data_ends_the_recorder(ledger: Ledger) -> None:
    ledger.owner.execute(REFUSE.format(code="feature_not_supported"))
    desk = Desk(ledger, 1)

    async def scene() -> None:
        step = desk.add(0, "step.completed", '"step":"poison"')
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            await desk.send()
        assert isinstance(step.exception(), JobCancelled)

    asyncio.run(scene())


def test_whoever_adds_too_much_waits_until_it_is_sent(ledger: Ledger) -> None:
    desk = Desk(ledger, 4)

    async def scene() -> None:
        for n in range(4):
            desk.add(n, "step.completed")
        assert desk.recorder.is_behind(3)
        assert not desk.recorder.is_behind(4)
        waiting = asyncio.create_task(desk.recorder.keep_up(3))
        await asyncio.sleep(0)
        assert not waiting.done()
        await desk.send()
        await waiting
        assert not desk.recorder.is_behind(0)

    asyncio.run(scene())


def test_nothing_to_record_is_no_statement_and_is_answered(ledger: Ledger) -> None:
    desk = Desk(ledger, 1)
    before = ledger.count("select count(*) from ledger.events")

    async def scene() -> None:
        receipt: Future[None] = Future()
        desk.recorder.add(desk.attempts[0], [], receipt=receipt)
        await desk.send()
        assert receipt.done()

    asyncio.run(scene())
    assert ledger.count("select count(*) from ledger.events") == before
