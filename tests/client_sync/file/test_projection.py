"""The rows of ``jobs`` are what ``ledger.model.fold`` makes of the events, whoever wrote them last."""

from __future__ import annotations

import json
import random
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client_sync import JobClient
from client_sync.file import projection
from client_sync.file.replica import Replica
from client_sync.sync import inbox
from client_sync.sync.plan import BeginEpoch, Position, StorePage
from ledger.model.fold import load_state
from ledger.model.ids import new_id
from ledger.ports.server import EventRow

EPOCH = UUID("01970000-0000-7000-8000-0000000000e1")
SHOWN = "job_id, name, namespace, status, priority, key, run_at, expires_at, cancel_requested_at, finished_at, labels"

requests = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"])},
    optional={
        "namespace": st.sampled_from(["default", "other"]),
        "priority": st.integers(-5, 5),
        "key": st.sampled_from(["k", None]),
        "run_at": st.sampled_from(["2030-01-01T00:00:00.000000Z", None]),
        "limits": st.sampled_from([{}, {"expires_at": "2031-01-01T00:00:00.000000Z"}]),
        "labels": st.sampled_from([{}, {"team": "docs"}]),
        "unheard_of": st.just(1),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked=st.lists(st.tuples(requests, st.sampled_from(["", "cancel", "cancel twice", "cancel first"])), max_size=6))
def test_p3_the_triggers_say_what_the_fold_says(asked: list[tuple[dict[str, Any], str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Replica(Path(folder) / "app.db")) as replica:
        connection = replica.connection()
        for data, then in asked:
            job = {"job_id": str(new_id())}
            cancel = "insert into events (job_id, type) values (:job_id, 'job.cancel_requested')"
            if then == "cancel first":
                connection.execute(cancel, job)
            connection.execute(
                "insert into events (job_id, type, data) values (:job_id, 'job.requested', :data)",
                {**job, "data": json.dumps(data)},
            )
            for _ in range({"cancel": 1, "cancel twice": 2}.get(then, 0)):
                connection.execute(cancel, job)
        by_trigger = _rows(replica)
        with replica.transaction():
            for (job_id,) in connection.execute("select job_id from jobs").fetchall():
                projection.refold(connection, job_id)
        assert _rows(replica) == by_trigger


def _rows(replica: Replica) -> list[tuple[Any, ...]]:
    rows = replica.connection().execute(f"select {SHOWN} from jobs order by job_id")  # noqa: S608 - the constant above
    # SQLite writes times to the millisecond, and the fold to the microsecond: both mean the same moment
    return [tuple(datetime.fromisoformat(v) if str(v).endswith("Z") else v for v in row) for row in rows]


def _story(job_id: str, owner: str = "alice") -> list[EventRow]:
    """Everything that happens to a job that fails once, reports, takes a step and is completed."""
    processor = str(new_id())
    happened: list[tuple[str, dict[str, Any]]] = [
        ("job.requested", {"name": "a", "labels": {"team": "docs"}}),
        ("attempt.started", {"attempt": 1, "processor": processor}),
        ("attempt.progressed", {"attempt": 1, "n": 1, "percent": 10}),
        ("step.completed", {"attempt": 1, "step": "load", "result": {"rows": 3}}),
        ("attempt.failed", {"attempt": 1, "error": {"type": "IOError"}, "retry_at": "2026-01-01T00:00:09Z"}),
        ("attempt.started", {"attempt": 2, "processor": processor}),
        ("attempt.logged", {"attempt": 2, "first": 1, "lines": ["hello", "world"]}),
        ("attempt.progressed", {"attempt": 2, "n": 2, "percent": 90, "message": "nearly", "data": [1]}),
        ("attempt.superseded", {"attempt": 1, "processor": processor, "late": {}}),
        ("job.completed", {"attempt": 2, "result": {"words": 17}}),
    ]
    return [
        EventRow(
            id=str(new_id()), job_id=job_id, type=kind, v=1, owner=owner, actor="worker", seq=seq,
            occurred_at=f"2026-01-01T00:00:{seq:02}.000000Z", recorded_at=f"2026-01-01T00:00:{seq:02}.000000Z",
            replica_id=None, replica_seq=None, correlation_id=None, causation_id=None, data=json.dumps(data),
        )
        for seq, (kind, data) in enumerate(happened, 1)
    ]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cuts=st.sets(st.integers(1, 9)), seed=st.integers(0, 1000))
def test_p3_however_the_pages_are_cut_the_job_is_the_same(cuts: set[int], seed: int) -> None:
    job_id = str(new_id())
    events = _story(job_id)
    whole = _after(events, [])
    shuffled = random.Random(seed).sample(events, len(events))
    assert _after(events, sorted(cuts)) == whole
    assert _after(shuffled, sorted(cuts)) == whole, "the log is in order; the fold does not need it to be"
    assert (whole["status"], whole["shown"], whole["result"]) == ("completed", "completed", '{"words":17}')


def _after(events: list[EventRow], cuts: list[int]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, closing(Replica(Path(folder) / "app.db")) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(EPOCH))
        for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
            inbox.store_page(replica, events[start:end], StorePage(99, EPOCH, more=end < len(events)))
        cursor = replica.connection().execute("select s.*, j.fold from shown_jobs s join jobs j using (job_id)")
        (row,) = cursor.fetchall()
        named = dict(zip([column[0] for column in cursor.description], row, strict=True))
        return {**named, "fold": named["fold"] and load_state(named["fold"])}


def test_a_job_shows_what_its_handler_reports(path: Path) -> None:
    job_id = str(new_id())
    events = _story(job_id)
    with JobClient(path) as jobs, closing(Replica(path)) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(EPOCH))
        shown = []
        for event in events:
            inbox.store_page(replica, [event], StorePage(event.seq or 0, EPOCH, more=True))
            job = jobs.get(job_id)
            shown.append((job.shown, job.attempt, job.progress and job.progress.percent, job.error and job.error.type))
        assert shown == [
            ("pending", 0, None, None),
            ("running", 1, None, None),
            ("running", 1, 10, None),
            ("running", 1, 10, None),
            ("retrying", 1, 10, "IOError"),
            ("running", 2, None, "IOError"),
            ("running", 2, None, "IOError"),
            ("running", 2, 90, "IOError"),
            ("running", 2, 90, "IOError"),
            ("completed", 2, 90, None),
        ]
        assert jobs.get(job_id).result == {"words": 17}
        assert [event.seq for event in jobs.history(job_id)] == [*range(1, 11)]


def test_what_is_not_known_here_is_kept_and_stops_nothing(path: Path) -> None:
    job_id = str(new_id())
    events = _story(job_id)
    strange = [
        events[0]._replace(id=str(new_id()), type="job.praised", seq=11, data='{"stars": 5}'),
        events[0]._replace(id=str(new_id()), type="job.completed", v=9, seq=12, data="{}"),
        events[0]._replace(id=str(new_id()), type="attempt.failed", seq=13, data='{"not": "as agreed"}'),
        events[0]._replace(id=str(new_id()), type="job.completed", seq=14, data="[" * 3000 + "]" * 3000),
        events[0]._replace(id=str(new_id()), type="schedule.defined", seq=15, job_id=None, data="{}"),
        events[0]._replace(id=str(new_id()), type="step.completed", seq=16,
         data='{"attempt": 1, "step": "large", "result": 1e999}'),
        events[0]._replace(id=str(new_id()), job_id=str(new_id()), seq=17,
         data='{"name": "never", "run_at": "9999-12-31T23:59:59-12:00"}'),
        events[0]._replace(id=str(new_id()), job_id=str(new_id()), seq=18,
         data='{"name": "always", "run_at": "0001-01-01T00:00:00+14:00"}'),
    ]  # fmt: skip
    with JobClient(path) as jobs, closing(Replica(path)) as replica:
        inbox.begin_epoch(replica, Position(new_id()), BeginEpoch(EPOCH))
        inbox.store_page(replica, [events[0], *strange], StorePage(18, EPOCH, more=False))
        assert jobs.get(job_id).status == "pending"
        assert len(jobs.history(job_id)) == 6
        assert replica.connection().execute("select count(*) from events").fetchone() == (9,)
        assert [str(jobs.list(name=name)[0].run_at)[:10] for name in ("never", "always")] == [
            "9999-12-31",
            "0001-01-01",
        ]
