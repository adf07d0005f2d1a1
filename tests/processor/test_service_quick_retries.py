"""Jobs that come back at once to the processor that has just put them back."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from in_process import Ledger, Start
from waiting import until

from processor import Deferred, JobContext, Registry, Retry, RetryPolicy
from processor.work import claimer, recorder

FOREVER_S = 3600.0


class Polls:
    """Counts how often claims granted unseen are looked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = 0
        take_up_unknown_claims = claimer.Claimer.take_up_unknown_claims

        async def counted(self_: claimer.Claimer) -> None:
            await take_up_unknown_claims(self_)
            self.made += 1

        monkeypatch.setattr(claimer.Claimer, "take_up_unknown_claims", counted)

    def wait_for_more(self) -> None:
        seen = self.made
        until(lambda: self.made >= seen + 3, "three more polls")


@pytest.mark.parametrize("ending", [Deferred(after=0), Retry(after=0)], ids=["deferred", "retried"])
def test_p6_a_closed_claim_that_is_not_forgotten_yet_starts_no_attempt_again(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch, ending: Any
) -> None:
    monkeypatch.setattr(recorder, "FORGET_AFTER_S", FOREVER_S)
    polls = Polls(monkeypatch)
    registry = Registry()
    runs: Counter[int] = Counter()
    release = threading.Event()

    @registry.handler("work")
    def work(params: Any, job: JobContext) -> Any:
        runs[job.attempt] += 1
        if job.attempt < 3:
            return ending
        release.wait(30)
        return "done"

    start(registry, poll_interval=0.1, threads=4)
    job = ledger.submit("work")
    until(lambda: runs[3], "the third attempt")
    polls.wait_for_more()
    release.set()
    assert ledger.wait_for(job).result == "done"
    assert runs == {1: 1, 2: 1, 3: 1}
    assert ledger.count("select count(*) from ledger.claims where %(id)s = any (job_ids)", id=job) == 3
    ledger.verify()


def test_p6_quick_retries_under_steady_polls_never_run_an_attempt_or_a_step_twice(
    ledger: Ledger, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = Polls(monkeypatch)
    registry = Registry()
    runs: Counter[tuple[UUID, int]] = Counter()
    charges: Counter[UUID] = Counter()
    polled = threading.Event()

    @registry.handler("pay", max_attempts=9, retry=RetryPolicy(first_wait_s=0, jitter=0, longest_wait_s=0))
    async def pay(params: Any, job: JobContext) -> Any:
        runs[job.id, job.attempt] += 1
        match job.attempt:
            case 1:
                return Deferred(after=0)
            case 2:
                raise ConnectionError
            case 3:
                return Retry(after=0.05)

        async def charge() -> str:
            charges[job.id] += 1
            await asyncio.to_thread(polled.wait, 30)
            return "charged"

        return await job.step_async("charge", charge)

    start(registry, poll_interval=0.02, concurrency=40)
    jobs = [ledger.submit("pay") for _ in range(40)]
    until(lambda: len(charges) == 40, "every charge to be under way")
    polls.wait_for_more()
    polled.set()
    for job in jobs:
        assert ledger.wait_for(job).result == "charged"
    assert set(charges.values()) == {1}
    assert runs == {(job, attempt): 1 for job in jobs for attempt in (1, 2, 3, 4)}
    ledger.verify()
