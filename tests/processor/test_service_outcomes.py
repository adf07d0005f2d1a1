"""What a handler can do, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from in_process import Ledger, Start
from pydantic import BaseModel

from processor import Cancelled, Completed, Deferred, Failed, JobContext, Permanent, Registry, Retry, RetryPolicy

Register: TypeAlias = Callable[..., None]


class CountParams(BaseModel):
    text: str
    unit: str = "words"


class Counts(BaseModel):
    count: int
    unit: str


@pytest.fixture(params=["async", "plain"])
def register(request: pytest.FixtureRequest) -> Register:
    """Registers a function as it is, or within an async one: both kinds of handlers keep the same promises."""

    def register(registry: Registry, name: str, function: Callable[[Any, JobContext], Any], **options: Any) -> None:
        if request.param == "plain":
            registry.handler(name, **options)(function)
            return

        async def handler(params: Any, job: JobContext) -> Any:
            return function(params, job)

        handler.__annotations__ = function.__annotations__
        registry.handler(name, **options)(handler)

    return register


def test_a_job_completes_with_its_result(ledger: Ledger, start: Start, register: Register) -> None:
    def count(params: CountParams, job: JobContext) -> Counts:
        assert (job.name, job.namespace, job.owner, job.attempt) == ("count", "default", "app_alice", 1)
        assert job.requested_at.utcoffset() is not None
        return Counts(count=len(params.text.split()), unit=params.unit)

    registry = Registry()
    register(registry, "count", count)
    start(registry)
    job = ledger.submit("count", {"text": "to be or not"})
    state = ledger.wait_for(job)
    assert (state.status, state.result, state.attempt) == ("completed", {"count": 4, "unit": "words"}, 1)
    assert ledger.types(job) == ["job.requested", "attempt.started", "job.completed"]
    ledger.verify()


def test_an_error_is_retried_with_growing_waits_and_then_fails_the_job(
    ledger: Ledger, start: Start, register: Register
) -> None:
    def fail(params: Any, job: JobContext) -> None:
        raise ConnectionError(f"attempt {job.attempt}")

    registry = Registry()
    register(registry, "fail", fail, max_attempts=3, retry=RetryPolicy(first_wait_s=0.1, factor=3, jitter=0))
    start(registry)
    job = ledger.submit("fail")
    state = ledger.wait_for(job)
    assert (state.status, state.attempt, state.failures) == ("failed", 3, 3)
    assert state.error is not None
    assert (state.error.type, state.error.message) == ("ConnectionError", "attempt 3")
    assert state.error.traceback is not None
    assert "test_service_outcomes.py" in state.error.traceback
    assert ledger.types(job) == [
        "job.requested",
        *["attempt.started", "attempt.failed"] * 3,
        "job.failed",
    ]
    starts = [event["recorded_at"] for event in ledger.events(job) if event["type"] == "attempt.started"]
    waits = [after - before for before, after in pairwise(starts)]
    assert [wait >= timedelta(seconds=s) for wait, s in zip(waits, (0.1, 0.3), strict=True)] == [True, True]
    ledger.verify()


def test_a_job_that_recovers_completes(ledger: Ledger, start: Start, register: Register) -> None:
    def recover(params: Any, job: JobContext) -> str:
        if job.attempt < 3:
            raise ConnectionError
        return "at last"

    registry = Registry()
    register(registry, "recover", recover)
    start(registry)
    state = ledger.wait_for(ledger.submit("recover"))
    assert (state.status, state.result, state.failures) == ("completed", "at last", 2)
    ledger.verify()


def test_the_job_decides_how_often_it_is_tried(ledger: Ledger, start: Start, register: Register) -> None:
    def fail(params: Any, job: JobContext) -> None:
        raise ConnectionError

    registry = Registry()
    register(registry, "fail", fail, max_attempts=1)
    start(registry)
    once, twice = ledger.submit("fail"), ledger.submit("fail", limits={"max_attempts": 2})
    assert ledger.wait_for(once).attempt == 1
    assert ledger.wait_for(twice).attempt == 2
    ledger.verify()


@pytest.mark.parametrize(
    ("params", "message"),
    [({}, "params.text: Field required"), ({"text": 7}, "params.text: Input should be a valid string")],
)
def test_params_that_do_not_fit_fail_the_job_at_once(
    ledger: Ledger, start: Start, register: Register, params: dict[str, Any], message: str
) -> None:
    def count(params: CountParams, job: JobContext) -> None:
        raise AssertionError("it must not be called")

    registry = Registry()
    register(registry, "count", count)
    start(registry)
    state = ledger.wait_for(ledger.submit("count", params))
    assert (state.status, state.attempt) == ("failed", 1)
    assert state.error is not None
    assert (state.error.type, state.error.message, state.error.retryable) == ("InvalidParams", message, False)
    ledger.verify()


@pytest.mark.parametrize("error", [Permanent("no such user"), KeyError("user")])
def test_an_error_that_cannot_be_mended_fails_the_job_at_once(
    ledger: Ledger, start: Start, register: Register, error: Exception
) -> None:
    def fail(params: Any, job: JobContext) -> None:
        raise error

    registry = Registry()
    register(registry, "fail", fail, max_attempts=5, no_retry=[LookupError])
    start(registry)
    state = ledger.wait_for(ledger.submit("fail"))
    assert (state.status, state.attempt) == ("failed", 1)
    assert state.error is not None
    assert state.error.type == type(error).__name__
    ledger.verify()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_handler_cannot_end_the_processor(
    ledger: Ledger, start: Start, register: Register, error: BaseException
) -> None:
    def leave(params: Any, job: JobContext) -> None:
        raise error

    registry = Registry()
    register(registry, "leave", leave, max_attempts=1)
    service = start(registry)
    state = ledger.wait_for(ledger.submit("leave"))
    assert state.error is not None
    assert state.error.type == type(error).__name__
    assert not service.ended
    ledger.verify()


@pytest.mark.parametrize(
    ("outcome", "status", "ends"),
    [
        (Completed({"n": 1}), "completed", ["job.completed"]),
        (Failed("no"), "failed", ["attempt.failed", "job.failed"]),
        (Cancelled(), "cancelled", ["job.cancelled"]),
    ],
)
def test_a_handler_may_return_how_it_ended(
    ledger: Ledger, start: Start, register: Register, outcome: object, status: str, ends: list[str]
) -> None:
    def work(params: Any, job: JobContext) -> object:
        return outcome

    registry = Registry()
    register(registry, "work", work)
    start(registry)
    job = ledger.submit("work")
    assert ledger.wait_for(job).status == status
    assert ledger.types(job) == ["job.requested", "attempt.started", *ends]
    ledger.verify()


def test_a_retry_is_a_failure_and_a_deferral_costs_nothing(ledger: Ledger, start: Start, register: Register) -> None:
    def work(params: Any, job: JobContext) -> object:
        if job.attempt <= 3:
            return Deferred(after=0.02)
        return Retry(after=0.02, error="not yet") if job.attempt == 4 else "done"

    registry = Registry()
    register(registry, "work", work, max_attempts=2)
    start(registry)
    job = ledger.submit("work")
    state = ledger.wait_for(job)
    assert (state.status, state.attempt, state.failures) == ("completed", 5, 1)
    assert ledger.types(job).count("attempt.deferred") == 3
    ledger.verify()


def test_a_result_that_cannot_be_written_fails_the_job(ledger: Ledger, start: Start, register: Register) -> None:
    def work(params: Any, job: JobContext) -> object:
        return object()

    registry = Registry()
    register(registry, "work", work)
    start(registry)
    state = ledger.wait_for(ledger.submit("work"))
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "InvalidResult")
    ledger.verify()


def test_any_text_survives_as_a_result_and_its_neighbours_do_not_suffer(
    ledger: Ledger, start: Start, register: Register
) -> None:
    def echo(params: dict[str, Any], job: JobContext) -> object:
        if params["text"] is None:
            raise ValueError("an error with \0 and \ud800 in it")
        return params["text"]

    registry = Registry()
    register(registry, "echo", echo, max_attempts=1)
    texts = ['a "quoted" \\ text', "{braces, commas}", "\N{SNOWMAN}\n\t", "", None]
    jobs = [ledger.submit("echo", {"text": text}) for text in texts]
    start(registry)
    states = [ledger.wait_for(job) for job in jobs]
    assert [state.result for state in states] == texts
    assert [state.status for state in states] == ["completed"] * 4 + ["failed"]
    ledger.verify()


def test_the_last_progress_and_all_lines_are_recorded_before_the_end(
    ledger: Ledger, start: Start, register: Register
) -> None:
    def work(params: Any, job: JobContext) -> None:
        for n in range(500):
            job.progress(n / 5, f"step {n}", {"n": n})
            job.log.info("line %d", n + 1)

    registry = Registry()
    register(registry, "work", work)
    start(registry)
    job = ledger.submit("work")
    state = ledger.wait_for(job)
    assert state.progress is not None
    assert (state.progress.n, state.progress.message, state.progress.data) == (500, "step 499", {"n": 499})
    events = ledger.events(job)
    lines = [
        line["message"] for event in events if event["type"] == "attempt.logged" for line in event["data"]["lines"]
    ]
    assert lines == [f"line {n}" for n in range(1, 501)]
    assert events[-1]["type"] == "job.completed"
    assert len(events) < 20, "reports that follow each other quickly are sent together"
    ledger.verify()
