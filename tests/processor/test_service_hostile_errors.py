"""Whatever a handler raises or returns, its attempt ends, and its place is free again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hostile_errors import ERRORS, RaisingStr
from in_process import QUICK, Ledger, Start
from pydantic import BaseModel, field_validator
from serving import processor

from processor import Completed, Failed, JobContext, Registry, Retry, RetryPolicy

WAYS = ("raise", "retry", "fail")


class Odd(BaseModel):
    how: str

    @field_validator("how")
    @classmethod
    def read(cls, how: str) -> str:
        match how:
            case "key":
                raise KeyError(how)
            case "exit":
                raise SystemExit(3)
            case "unprintable":
                raise RaisingStr
        return how


class OddPolicy(RetryPolicy):
    def after_failure(self, *_: Any, **__: Any) -> datetime | None:
        raise RaisingStr


class Liar:
    """Its class says that it is an outcome."""

    @property  # type: ignore[misc]  # that is the point
    def __class__(self) -> type:
        return Completed


def hostile(params: dict[str, str]) -> Any:
    error = ERRORS[params["error"]]()
    match params["way"]:
        case "retry":
            return Retry(after=0, error=error)
        case "fail":
            return Failed(error)
    raise error


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_p4_what_cannot_be_printed_ends_its_attempt_and_costs_no_place(ledger: Ledger, start: Start, kind: str) -> None:
    registry = Registry()

    async def hostile_async(params: dict[str, str]) -> Any:
        return hostile(params)

    registry.handler("hostile", max_attempts=2)(hostile if kind == "plain" else hostile_async)
    registry.handler("friendly")(lambda: "as ever")
    service = start(registry, threads=2, concurrency=2)
    jobs = {ledger.submit("hostile", {"error": error, "way": way}): (error, way) for error in ERRORS for way in WAYS}
    for job, what in jobs.items():
        state = ledger.wait_for(job)
        assert (state.status, state.attempt) == ("failed", 1 if what[1] == "fail" else 2), what
        assert state.error is not None
        assert state.error.type
    assert ledger.wait_for(ledger.submit("friendly")).result == "as ever"
    assert not service.ended
    ledger.verify()


@pytest.mark.parametrize(("how", "kind"), [("key", "KeyError"), ("exit", "SystemExit"), ("unprintable", "RaisingStr")])
def test_a_validator_that_fails_in_its_own_way_fails_its_attempt_only(
    ledger: Ledger, start: Start, how: str, kind: str
) -> None:
    registry = Registry()

    @registry.handler("odd", max_attempts=1)
    def odd(params: Odd) -> str:
        return params.how

    start(registry)
    state = ledger.wait_for(ledger.submit("odd", {"how": how}))
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", kind)
    assert ledger.wait_for(ledger.submit("odd", {"how": "well"})).result == "well"
    ledger.verify()


def test_trouble_between_a_return_and_its_record_ends_the_job_with_what_went_wrong(
    ledger: Ledger, start: Start
) -> None:
    registry = Registry()

    @registry.handler("odd-policy", retry=OddPolicy())
    def fails() -> None:
        raise ConnectionError

    registry.handler("liar")(lambda: Liar())
    start(registry)
    state = ledger.wait_for(ledger.submit("odd-policy"))
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "Unrecordable")
    assert "RaisingStr" in state.error.message
    assert ledger.wait_for(ledger.submit("liar")).status == "failed"
    ledger.verify()


def test_a_handler_that_cancels_itself_fails_its_attempt(ledger: Ledger, start: Start) -> None:
    registry = Registry()

    @registry.handler("cancels-itself", max_attempts=1)
    async def cancels_itself(params: Any, job: JobContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    start(registry, retry=QUICK)
    state = ledger.wait_for(ledger.submit("cancels-itself"))
    assert state.error is not None
    assert (state.status, state.error.type) == ("failed", "CancelledError")
    assert datetime.now(UTC) > (state.finished_at or datetime.now(UTC))
    ledger.verify()


@pytest.mark.parametrize("job", ["exits", "exits-in-a-task", "exits-in-a-callback", "stops-the-loop", "interrupts"])
def test_a_handler_that_exits_costs_its_own_attempt_and_no_processor(ledger: Ledger, tmp_path: Path, job: str) -> None:
    with processor(ledger.database.dsn_as("worker"), tmp_path / "log", "--app", "hostile_jobs:jobs") as process:
        beside = ledger.submit("beside")
        ledger.wait_for(beside, "running")
        state = ledger.wait_for(ledger.submit(job))
        assert state.losses == 0
        assert state.status == ("completed" if job in ("exits-in-a-callback", "stops-the-loop") else "failed")
        if state.error is not None:
            assert state.error.type in ("SystemExit", "KeyboardInterrupt")
        assert process.poll() is None
        assert ledger.wait_for(ledger.submit("noop")).status == "completed"
        assert ledger.state(beside).status == "running"
    assert ledger.count("select count(*) from ledger.processors") == 1
