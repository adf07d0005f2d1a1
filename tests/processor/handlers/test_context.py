"""A handler's context, on a channel without a service."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from ledger.errors import InvalidEvent, LedgerError
from ledger.model.ids import new_id
from ledger.ports.store import Claimed
from processor import JobCancelled, JobContext, Permanent
from processor.handlers.channel import JobChannel
from processor.handlers.steps import UnreadableSteps
from processor.handlers.stopping import StopReason

JOB_ID = new_id()
JOB = Claimed(str(JOB_ID), "noop", 2, 1, 0, None, None, "alice", datetime(2026, 1, 1, tzinfo=UTC), "{}")


class Receipt(BaseModel):
    number: int


class Listener:
    """The other end of a channel: it keeps what is said, and answers as a test wants it."""

    def __init__(self, completed_steps: dict[str, str] | None = None) -> None:
        self.lines: list[tuple[str, str]] = []
        self.progress: list[tuple[float | None, str | None, Any]] = []
        self.steps: list[tuple[str, str]] = []
        self.stop_reason: StopReason | None = None
        self.may_wait = True
        self.refusal: Exception | None = None
        self.completed_steps = {} if completed_steps is None else completed_steps

    def context(self) -> JobContext:
        return JobContext(JOB, "shop", JobChannel(
            log=lambda level, line: self.lines.append((level, line)),
            progress=lambda percent, message, data: self.progress.append((percent, message, data)),
            record_step=self._record_step,
            completed_steps=self.completed_steps,
            must_stop=lambda: self.stop_reason,
            may_wait=lambda: self.may_wait,
        ))  # fmt: skip

    def _record_step(self, name: str, result: str) -> Future[None]:
        receipt: Future[None] = Future()
        if self.refusal is not None:
            receipt.set_exception(self.refusal)
        else:
            self.steps.append((name, result))
            receipt.set_result(None)
        return receipt


def test_a_context_knows_its_job() -> None:
    job = Listener().context()
    assert (job.id, job.name, job.namespace, job.owner, job.attempt) == (JOB_ID, "noop", "shop", "alice", 2)
    assert isinstance(job.id, UUID)
    assert job.requested_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_lines_are_formatted_as_in_logging() -> None:
    heard = Listener()
    log = heard.context().log
    log.debug("plain, 100%")
    log.info("%s of %d", "one", 2)
    log.warning("w")
    log.error("e")
    assert heard.lines == [("debug", "plain, 100%"), ("info", "one of 2"), ("warning", "w"), ("error", "e")]


def test_progress_is_passed_on() -> None:
    heard = Listener()
    heard.context().progress(20, "reading", {"line": 3})
    assert heard.progress == [(20, "reading", {"line": 3})]


@pytest.mark.parametrize("reason", StopReason)
def test_who_has_to_stop_learns_why(reason: StopReason) -> None:
    heard = Listener()
    job = heard.context()
    before = job.cancelled
    job.raise_if_cancelled()
    heard.stop_reason = reason
    assert (before, job.cancelled) == (False, True)
    with pytest.raises(JobCancelled, match=f"attempt 2 of job {JOB_ID} has to stop: {reason.value}"):
        job.raise_if_cancelled()


def charge(amount: int) -> Receipt:
    return Receipt(number=amount)


async def charge_async(amount: int) -> Receipt:
    return Receipt(number=amount)


def test_p6_a_step_is_recorded_and_comes_back_as_it_was_recorded() -> None:
    heard = Listener()
    assert heard.context().step("charge", charge, 7) == Receipt(number=7)
    assert asyncio.run(heard.context().step_async("again", charge_async, 8)) == Receipt(number=8)
    assert heard.steps == [("charge", '{"number":7}'), ("again", '{"number":8}')]


def test_p6_a_completed_step_is_not_run_again() -> None:
    heard = Listener({"charge": '{"number":1}'})
    assert heard.context().step("charge", charge, 7) == Receipt(number=1)
    assert asyncio.run(heard.context().step_async("charge", charge_async, 7)) == Receipt(number=1)
    assert heard.steps == []


def test_p6_where_a_completed_step_cannot_be_read_none_is_run() -> None:
    with pytest.raises(Permanent, match="step 'charge' may be the one"):
        Listener(UnreadableSteps()).context().step("charge", charge, 7)


def test_a_step_that_is_not_recorded_raises_why() -> None:
    heard = Listener()
    heard.refusal = JobCancelled("it is over")
    with pytest.raises(JobCancelled, match="it is over"):
        heard.context().step("charge", charge, 7)
    with pytest.raises(InvalidEvent, match="the result of step 'charge'"):
        heard.context().step("charge", lambda: object())


def test_a_step_never_blocks_the_event_loop() -> None:
    heard = Listener()
    heard.may_wait = False
    with pytest.raises(LedgerError, match="would block the event loop"):
        heard.context().step("charge", charge, 7)
