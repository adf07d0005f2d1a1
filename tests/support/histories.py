"""Hypothesis strategies for the events of a few jobs: every type, in combinations that no server would allow too."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from ledger.model.events import Event, parse_event
from ledger.model.ids import uuid7

START = datetime(2026, 1, 1, tzinfo=UTC)
JOBS = [uuid7(1_767_225_600_000, n) for n in range(3)]
PROCESSORS = [str(uuid7(1_767_225_600_000, 1000 + n)) for n in range(2)]

attempts = st.integers(1, 3)
words = st.text('ab "\\é😀', max_size=5)
moments = st.integers(0, 50).map(lambda s: (START + timedelta(seconds=s)).isoformat())
maybe_moments = st.none() | moments
errors = st.fixed_dictionaries({"type": st.sampled_from(["ValueError", "Timeout"]), "message": words})

DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "job.requested": st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b"]), "params": st.just({"n": 1}), "priority": st.integers(-2, 2)},
        optional={
            "run_at": moments,
            "limits": st.just({"max_attempts": 2, "timeout": 1.5}),
            "labels": st.just({"colour": "red"}),
            "parent": st.just(str(JOBS[0])),
            "order_key": st.just("o"),
            "unique": st.just({"by": ["name"]}),
            "traceparent": st.just("00-" + "1" * 32 + "-" + "2" * 16 + "-01"),
            "files": st.just({"in.csv": {"sha256": "0" * 64}}),
            "from_the_future": st.just(1),
        },
    ),
    "job.cancel_requested": st.fixed_dictionaries({}, optional={"reason": words}),
    "job.signalled": st.fixed_dictionaries({"name": st.sampled_from(["go", "stop"])}, optional={"data": words}),
    "attempt.started": st.fixed_dictionaries({"attempt": attempts, "processor": st.sampled_from(PROCESSORS)}),
    "attempt.progressed": st.fixed_dictionaries(
        {"attempt": attempts, "n": st.integers(1, 4), "percent": st.floats(0, 100)}
    ),
    "attempt.logged": st.fixed_dictionaries(
        {"attempt": attempts, "first": st.integers(1, 9), "lines": st.just(["x", "y"])}
    ),
    "step.completed": st.fixed_dictionaries(
        {"attempt": attempts, "step": st.sampled_from("st"), "result": st.integers()}
    ),
    "attempt.failed": st.fixed_dictionaries({"attempt": attempts, "error": errors, "retry_at": maybe_moments}),
    "attempt.deferred": st.fixed_dictionaries({"attempt": attempts, "until": moments}),
    "attempt.suspended": st.fixed_dictionaries(
        {"attempt": attempts, "reason": st.sampled_from(["signal", "children", "weather"]), "until": maybe_moments}
    ),
    "attempt.traced": st.fixed_dictionaries({"attempt": attempts, "traceback": words}),
    "attempt.lost": st.fixed_dictionaries(
        {
            "attempt": attempts,
            "processor": st.sampled_from(PROCESSORS),
            "noticed_by": st.just("lock"),
            "retry_at": maybe_moments,
        }
    ),
    "attempt.superseded": st.fixed_dictionaries({"attempt": attempts, "processor": st.sampled_from(PROCESSORS)}),
    "job.completed": st.fixed_dictionaries({"attempt": attempts, "result": st.integers()}),
    "job.failed": st.fixed_dictionaries({"attempts": attempts, "error": errors}),
    "job.cancelled": st.fixed_dictionaries({"attempt": st.none() | attempts}),
    "job.retired": st.fixed_dictionaries({}, optional={"reason": words}),
    "payload.erased": st.fixed_dictionaries({"events": st.just(PROCESSORS)}, optional={"reason": words}),
    "processor.started": st.just({"host": "h"}),
    "weather.changed": st.just({"to": "rain"}),
}


OF_OTHERS = ("job.cancel_requested", "job.signalled")
"""What somebody else may send about a job as well."""


@st.composite
def events(draw: st.DrawFn) -> Event:
    """One event of one of three jobs. An id that is drawn twice stands for the same content."""
    kind = draw(st.sampled_from(sorted(DATA)))
    job: UUID = draw(st.sampled_from(JOBS))
    data = json.dumps(draw(DATA[kind]))
    second = draw(st.integers(0, 50))
    owner = draw(st.sampled_from(["alice", "bob"])) if kind in OF_OTHERS else "alice"
    # the id follows from the content: one id never stands for two events
    content = repr((kind, job, owner, data, second)).encode()
    tail = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return parse_event(
        {
            "id": uuid7(1_767_225_600_000 + second, tail),
            "job_id": job,
            "type": kind,
            "v": 1,
            "owner": owner,
            "actor": "alice",
            "occurred_at": START + timedelta(seconds=second),
            "recorded_at": START + timedelta(seconds=second + 1),
            "correlation_id": job if second % 2 else None,
            "data": data,
        }
    )


histories = st.lists(events(), max_size=15)
