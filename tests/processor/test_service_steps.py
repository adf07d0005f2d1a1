"""Steps: what a job has done once is not done again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from in_process import Ledger, Start
from pydantic import BaseModel
from waiting import until

from ledger.errors import VerificationFailed
from processor import JobContext, Registry


class Receipt(BaseModel):
    number: int


def test_p6_a_completed_step_is_not_run_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    charged: list[int] = []

    def charge(amount: int, *, currency: str) -> Receipt:
        charged.append(amount)
        return Receipt(number=amount + 1)

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> str:
        receipt = job.step("charge", charge, 41, currency="EUR")
        assert receipt == Receipt(number=42)
        if job.attempt < 3:
            raise ConnectionError("the next part failed")
        return f"receipt {receipt.number}"

    start(registry)
    job = ledger.submit("order")
    state = ledger.wait_for(job)
    assert (state.status, state.result, state.attempt) == ("completed", "receipt 42", 3)
    assert charged == [41]
    assert ledger.types(job).count("step.completed") == 1
    ledger.verify()


def test_p6_a_completed_step_of_an_async_handler_is_not_run_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    charged: list[int] = []

    async def charge(amount: int) -> Receipt:
        await asyncio.sleep(0)
        charged.append(amount)
        return Receipt(number=amount)

    @registry.handler("order")
    async def order(params: Any, job: JobContext) -> int:
        first, second = await asyncio.gather(job.step_async("first", charge, 1), job.step_async("second", charge, 2))
        if job.attempt == 1:
            raise ConnectionError
        return first.number + second.number

    start(registry)
    state = ledger.wait_for(ledger.submit("order"))
    assert (state.status, state.result, state.attempt) == ("completed", 3, 2)
    assert sorted(charged) == [1, 2]
    ledger.verify()


def test_p6_a_step_is_in_the_ledger_before_the_handler_goes_on(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    go_on = threading.Event()
    reached = threading.Event()

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> None:
        job.step("charge", lambda: {"paid": True})
        reached.set()
        go_on.wait(30)

    start(registry)
    job = ledger.submit("order")
    assert reached.wait(10)
    assert ledger.state(job).steps["charge"].result == {"paid": True}
    go_on.set()
    ledger.wait_for(job)
    ledger.verify()


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, 2]}, "text"])
def test_every_attempt_sees_the_same_value(ledger: Ledger, start: Start, value: object) -> None:
    registry = Registry()
    seen: list[object] = []

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> None:
        seen.append(job.step("value", lambda: value))
        if job.attempt == 1:
            raise ConnectionError

    start(registry)
    ledger.wait_for(ledger.submit("order"))
    assert seen == [value, value]
    ledger.verify()


def test_a_tuple_is_a_list_from_the_first_attempt_on_unless_the_step_says_otherwise(
    ledger: Ledger, start: Start
) -> None:
    registry = Registry()
    seen: list[object] = []

    def pair() -> tuple[int, int]:
        return (1, 2)

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> None:
        seen.append((job.step("untyped", lambda: (1, 2)), job.step("typed", pair)))
        if job.attempt == 1:
            raise ConnectionError

    start(registry)
    ledger.wait_for(ledger.submit("order"))
    assert seen == [([1, 2], (1, 2))] * 2
    ledger.verify()


def test_a_step_that_fails_is_not_recorded_and_runs_again(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError
        return "ok"

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> str:
        return job.step("flaky", flaky)

    start(registry)
    job = ledger.submit("order")
    assert ledger.wait_for(job).result == "ok"
    assert len(calls) == 2
    ledger.verify()


def test_a_blocking_step_is_refused_in_an_async_handler(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("order", max_attempts=1)
    async def order(params: Any, job: JobContext) -> None:
        job.step("charge", lambda: 1)

    start(registry)
    state = ledger.wait_for(ledger.submit("order"))
    assert state.error is not None
    assert "step_async" in state.error.message
    ledger.verify()


def test_a_step_after_the_attempt_is_over_is_refused(ledger: Ledger, start: Start) -> None:
    registry = Registry()
    outcome: list[str] = []

    def attempted(act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            outcome.append(type(error).__name__)

    @registry.handler("order", timeout=0.1, max_attempts=1, on_timeout="abandon")
    def order(params: Any, job: JobContext) -> None:
        until(lambda: job.cancelled, "the attempt to run out of time")
        attempted(lambda: job.step("too-late", lambda: 1))

    start(registry)
    job = ledger.submit("order")
    assert ledger.wait_for(job).status == "failed"
    until(lambda: outcome == ["JobCancelled"], "the step to be refused")
    assert "step.completed" not in ledger.types(job)
    ledger.verify()


def test_a_result_of_a_step_that_not_every_reader_could_read_fails_the_attempt_and_nothing_else(
    ledger: Ledger, start: Start
) -> None:
    registry = Registry()

    @registry.handler("order", max_attempts=2)
    def order(params: Any, job: JobContext) -> None:
        job.step("count", lambda: {"n": [10**5000]})

    @registry.handler("other")
    def other() -> str:
        return "done"

    start(registry)
    job = ledger.submit("order")
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.attempt, state.error.type) == ("failed", 2, "InvalidEvent")
    assert "the result of step 'count': n[0]: a whole number of more than 640 digits" in state.error.message
    assert "step.completed" not in ledger.types(job)
    assert ledger.wait_for(ledger.submit("other")).result == "done"
    ledger.verify()


@pytest.mark.parametrize(
    "recorded",
    [
        '{"attempt": 1, "step": "count", "result": ' + "7" * 5000 + "}",
        '{"attempt": 1, "step": "count", "result": ' + "[" * 300 + "]" * 300 + "}",
        '["no", "object"]',
    ],
)
def test_p14_a_recorded_step_that_cannot_be_read_is_not_run_again_and_stops_no_other_job(
    ledger: Ledger, start: Start, recorded: str
) -> None:
    registry = Registry()
    counted: list[int] = []
    going_on = threading.Event()

    @registry.handler("order")
    def order(params: Any, job: JobContext) -> None:
        if job.attempt == 1:
            going_on.wait(30)
            raise ConnectionError
        job.step("count", lambda: counted.append(1))

    @registry.handler("other")
    def other() -> str:
        return "done"

    start(registry)
    job = ledger.submit("order")
    ledger.wait_for(job, "running")
    ledger.owner.execute(
        """
        insert into ledger.events (id, job_id, type, v, owner, actor, occurred_at, recorded_at, life, data)
        values (ledger.new_id(), %(job)s, 'step.completed', 1, 'app_alice', 'worker', now(), now(),
                ledger.current_epoch(), %(data)s)""",
        {"job": job, "data": recorded},
    )
    going_on.set()
    state = ledger.wait_for(job)
    assert state.error is not None
    assert (state.status, state.error.type, counted) == ("failed", "Permanent", [])
    assert "cannot be read" in state.error.message
    assert ledger.wait_for(ledger.submit("other")).result == "done"
    with pytest.raises(VerificationFailed, match=r"^1 differences .* \(step\.completed\) cannot be read$"):
        ledger.verify()
