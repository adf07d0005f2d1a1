"""After the soak: whether the files, the ledger and the harness's own oracle tell the same story."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import DictRow

from ledger.errors import VerificationFailed
from ledger.model.events import parse_event
from ledger.model.fold import JobState, fold
from ledger.postgres.feed import verify
from soak.files import look_into
from soak.oracle import Oracle

TERMINAL = ("job.completed", "job.failed", "job.cancelled")


@dataclass
class Verdict:
    """``wrong`` holds, for each thing that must not be, the cases found; all of them empty is a clean run."""

    numbers: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not any(self.wrong.values())


def judge(connection: Connection[DictRow], files: dict[Path, str], oracle: Oracle) -> Verdict:
    """``files`` gives the owner of each. The connection is a superuser's."""
    log = connection.execute(
        """
        select l.seq, e.id::text as id, e.job_id, e.type, e.v, e.owner, e.actor, e.replica_id, e.replica_seq,
               e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.data::text as data
        from ledger.events e left join ledger.log l on l.event_id = e.id order by l.seq nulls last"""
    ).fetchall()
    refused = {row["event_id"]: row["code"] for row in connection.execute("select event_id, code from ledger.refusals")}
    in_log = Counter(row["id"] for row in log if row["seq"] is not None)
    states = _fold(log)
    verdict = Verdict()
    wrong = verdict.wrong
    contents = {path: _read(path) for path in files}
    held = {event_id for file in contents.values() for event_id in file.own}
    known_refused = {event_id for file in contents.values() for event_id in file.refused} | {
        event_id for event_id in oracle.overwritten if event_id.replace("\0", "\N{REPLACEMENT CHARACTER}") in refused
    }

    missing = [event_id for event_id in oracle.written if event_id not in in_log and event_id not in known_refused]
    gone = [event_id for event_id in missing if event_id not in held and oracle.overwritten.get(event_id) is False]
    wrong["lost"] = oracle.never_saved + [
        f"event {event_id}, written in file {oracle.written[event_id]}" for event_id in sorted({*missing} - {*gone})
    ]
    wrong["doubled"] = [f"event {event_id} is {n} times in the log" for event_id, n in in_log.items() if n > 1]
    wrong["doubled"] += _doubled(log)
    wrong["misordered"] = _misordered(log)
    wrong["not in order"] = [f"event {row['id']} has no number" for row in log if row["seq"] is None]
    wrong["poison taken"] = [f"event {event_id}" for event_id in sorted(oracle.poison) if event_id in in_log]
    wrong["stuck queues"] = [
        f"file {path.stem}: {file.unsent} not sent" for path, file in contents.items() if file.unsent
    ]
    wrong["files that differ"] = [
        difference for path, file in contents.items() for difference in _compare(path, file, files[path], log, states)
    ]
    endings = Counter(row["job_id"] for row in log if row["type"] in TERMINAL)
    requested = {row["job_id"] for row in log if row["type"] == "job.requested"}
    wrong["jobs without one end"] = [
        f"job {job_id} has {endings[job_id]} terminal events" for job_id in requested if endings[job_id] != 1
    ]
    try:
        verify(connection)
        wrong["verify"] = []
    except VerificationFailed as error:
        wrong["verify"] = [error.message]
    wrong["errors"] = list(oracle.errors)

    verdict.numbers = {
        "events written by files": len(oracle.written),
        "events in the log": len(in_log),
        "jobs": len(requested),
        "refusals": len(refused),
        "gone with files overwritten before they were sent": len(gone),
        "forks healed": sum(file.turns["replica.forked"] for file in contents.values()),
        "epochs begun, as files saw them": sum(file.turns["epoch.began"] for file in contents.values()),
        "crossings inside copied files": sum(_crossings(file) for file in contents.values()),
    }
    return verdict


@dataclass
class _File:
    """What one file says. ``own``: its own events in their order; ``jobs``: those not refused."""

    unsent: int
    own: list[str]
    seqs: dict[str, int]
    refused: set[str]
    jobs: dict[UUID, tuple[Any, ...]]
    turns: Counter[str]


def _read(path: Path) -> _File:
    with look_into(path) as connection:
        ((unsent,),) = connection.execute(
            "select coalesce((select max(local_seq) from events), 0) - acked_seq from replica"
        )
        return _File(
            unsent,
            [
                row[0]
                for row in connection.execute("select id from events where local_seq is not null order by local_seq")
            ],
            dict(connection.execute("select e.id, e.seq from events e, replica p where e.life = p.life").fetchall()),
            {row[0] for row in connection.execute("select event_id from refusals")},
            {
                UUID(job_id): (status, attempt, None if result is None else json.loads(result))
                for job_id, status, attempt, result in connection.execute(
                    "select job_id, status, attempt, result from jobs where status <> 'refused'"
                )
            },
            Counter(row[0] for row in connection.execute("select what from replica_history")),
        )


def _fold(log: list[DictRow]) -> dict[UUID, JobState]:
    states: dict[UUID, JobState] = {}
    for row in log:
        if (job_id := row["job_id"]) is not None:
            states[job_id] = fold(states.get(job_id) or JobState(job_id), parse_event(row))
    return states


def _doubled(log: list[DictRow]) -> list[str]:
    numbers = Counter((row["replica_id"], row["replica_seq"]) for row in log if row["replica_id"] is not None)
    requests = Counter(row["job_id"] for row in log if row["type"] == "job.requested")
    return [f"replica {replica} has number {number} {n} times" for (replica, number), n in numbers.items() if n > 1] + [
        f"job {job_id} was requested {n} times" for job_id, n in requests.items() if n > 1
    ]


def _misordered(log: list[DictRow]) -> list[str]:
    last: dict[UUID, int] = defaultdict(int)
    found = []
    for row in log:
        if row["replica_id"] is None or row["seq"] is None:
            continue
        if row["replica_seq"] <= last[row["replica_id"]]:
            found.append(
                f"replica {row['replica_id']}: number {row['replica_seq']} comes after {last[row['replica_id']]}"
            )
        last[row["replica_id"]] = max(row["replica_seq"], last[row["replica_id"]])
    return found


def _crossings(file: _File) -> int:
    """Own events that the log holds in another order than the file: only a copy that sent them first can do that."""
    numbers = [file.seqs[event_id] for event_id in file.own if event_id in file.seqs]
    return sum(later < earlier for earlier, later in pairwise(numbers))


def _compare(path: Path, file: _File, owner: str, log: list[DictRow], states: dict[UUID, JobState]) -> list[str]:
    expected = {row["id"]: row["seq"] for row in log if row["owner"] == owner}
    found = [
        f"file {path.stem}: event {event_id} has number {file.seqs.get(event_id)}, in the log {expected.get(event_id)}"
        for event_id in expected.keys() | file.seqs.keys()
        if expected.get(event_id) != file.seqs.get(event_id)
    ]
    jobs = {
        job_id: (state.status, state.attempt, state.result)
        for job_id, state in states.items()
        if state.request is not None and state.request.owner == owner
    }
    found += [
        f"file {path.stem}: job {job_id} is {file.jobs.get(job_id)}, by its events {jobs.get(job_id)}"
        for job_id in jobs.keys() | file.jobs.keys()
        if jobs.get(job_id) != file.jobs.get(job_id)
    ]
    return found
