"""What each hot function costs by itself, in this process, without a database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Result
from benchmarks.filling import request
from benchmarks.handlers import jobs, params
from client_sync.file.submission import Submission
from client_sync.file.valid_request import request_text
from ledger.model.events import parse_event
from ledger.model.fold import JobState, dump_state, fold, load_state, projection
from ledger.model.ids import new_id, uuid7
from ledger.ports.store import Claimed
from ledger.postgres.store.work import columns
from processor.attempt_events import attempt_events
from processor.handlers.outcome import Completed
from processor.handlers.retry import RetryPolicy
from processor.work.conclude import conclude

SHORTEST_S: Final = 0.02
"""A loop this long is far above the clock's grain."""


def microbench(bench: Bench) -> Result:
    """Each hot function, in microseconds per event (or per call, where it sees no single event)."""
    result = Result("microbench")
    for what, work, events in _hot():
        bench.progress.say(what)
        result.figures.append(Figure(what, "µs", [_time(work, events, bench.size) for _ in range(max(3, bench.runs))]))
    result.notes.append("CPU of this process alone; each figure is the median of short loops.")
    return result


def _time(work: Callable[[], object], events: int, size: int) -> float:
    """Microseconds of CPU per event; the loop grows until it is long enough."""
    loops = max(1, size)
    while True:
        began = time.process_time()
        for _ in range(loops):
            work()
        spent = time.process_time() - began
        if spent >= SHORTEST_S or size == 1:
            return spent / (loops * events) * 1e6
        loops *= 4


def _hot() -> list[tuple[str, Callable[[], object], int]]:
    job_id, processor = new_id(), new_id()
    rows = history(str(job_id))
    events = [parse_event(row) for row in rows]
    state = JobState(job_id)
    for event in events:
        state = fold(state, event)
    text, kept = request(1), dump_state(state)
    submission = Submission(name="noop", params=params(1))
    handler = jobs.find("noop")
    claimed = Claimed(str(job_id), "noop", 1, 0, 0, None, None, "app", datetime.now(UTC), text)
    now, policy = datetime.now(UTC), RetryPolicy()
    ending = conclude(claimed, Completed(), now, policy, max_attempts=None, chance=0.5)
    batch = [row for _ in range(1000) for row in attempt_events(str(job_id), 1, ending, time.time_ns())]

    def fold_job() -> JobState:
        folded = JobState(job_id)
        for event in events:
            folded = fold(folded, event)
        return folded

    return [
        ("fold: request, start, end", fold_job, len(events)),
        ("projection of a state", lambda: projection(state), 1),
        ("parse: request", lambda: parse_event(rows[0]), 1),
        ("parse: start", lambda: parse_event(rows[1]), 1),
        ("parse: end", lambda: parse_event(rows[2]), 1),
        ("serialise: request, checked", lambda: request_text(submission), 1),
        ("serialise: a folded state", lambda: dump_state(state), 1),
        ("parse: a folded state", lambda: load_state(kept), 1),
        ("uuid: made from its parts", lambda: uuid7(1_700_000_000_000, 12345), 1),
        ("uuid: a new id", new_id, 1),
        ("uuid: a new id as text", new_id.text, 1),
        ("uuid: read from text", lambda: UUID(rows[0]["id"]), 1),
        ("processor: read the params", lambda: handler.read(text), 1),
        ("processor: conclude", lambda: conclude(claimed, Completed(), now, policy, max_attempts=None, chance=0.5), 1),
        ("processor: rows of an end", lambda: attempt_events(str(job_id), 1, ending, time.time_ns()), 1),
        ("processor: 1,000 rows as arrays", lambda: columns(processor, batch), len(batch)),
    ]


def history(job_id: str) -> list[dict[str, Any]]:
    """The rows of a job's three events, as a client pulls them."""
    datas = [
        ("job.requested", request(1)),
        ("attempt.started", json.dumps({"attempt": 1, "processor": str(new_id())})),
        ("job.completed", json.dumps({"attempt": 1, "result": None})),
    ]
    return [
        {
            "seq": seq, "id": str(new_id()), "job_id": job_id, "type": kind, "v": 1, "owner": "app", "actor": "app",
            "replica_id": None, "replica_seq": None, "occurred_at": "2026-01-01T00:00:00.000000Z",
            "recorded_at": "2026-01-01T00:00:00.000000Z", "correlation_id": None, "causation_id": None, "data": data,
        }
        for seq, (kind, data) in enumerate(datas, start=1)
    ]  # fmt: skip
