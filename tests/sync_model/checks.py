"""What has to be true: after each exchange, and in the end."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ledger_calls import assert_projection_is_fold
from psycopg.rows import DictRow

from ledger.model.events import parse_event
from ledger.model.fold import JobState, fold
from sync_model.files import LOGINS, ReplicaFile, read_file, refolded
from sync_model.server import ModelServer
from sync_model.wire import Sent

_LOG = """
    select l.seq, e.id::text as id, e.job_id, e.type, e.v, e.owner, e.actor, e.replica_id, e.replica_seq,
           e.occurred_at, e.recorded_at, e.correlation_id, e.causation_id, e.data::text as data
    from ledger.log l join ledger.events e on e.id = l.event_id order by l.seq"""
_POSITION = """
    select p.acked_seq, p.acked_epoch, p.epoch, p.pulled_seq,
           (select coalesce(max(e.local_seq), 0) from events e) as last_seq from replica p"""
_READ = "select e.id, e.seq from events e join replica p on p.life = e.life where e.seq is not null"


def check_now(file: ReplicaFile, server: ModelServer) -> None:
    """A file claims of a server only what is so: P1 of what it calls acknowledged, P12 of what it calls read."""
    epoch = server.epoch
    (position,) = read_file(file.path, _POSITION)
    if epoch is None:
        return
    if position["acked_epoch"] == epoch:
        acknowledged = {event_id for number, event_id in file.has.own.items() if number <= position["acked_seq"]}
        lost = sorted(acknowledged - server.taken)
        assert lost == [], f"{file.path.name} calls acknowledged what the server does not have: {lost}"
    if position["epoch"] == epoch:
        log = server.log_of(file.owner)
        assert file.has.gone <= log.keys(), f"what has left {file.path.name} is with the server"
        expected = {event_id for event_id, seq in log.items() if seq <= position["pulled_seq"]} - file.has.gone
        read = {row["id"]: row["seq"] for row in read_file(file.path, _READ)}
        assert read.items() <= log.items(), f"{file.path.name} has numbers that are not the server's"
        passed = {event_id for event_id, seq in read.items() if seq <= position["pulled_seq"]}
        assert passed == expected, f"{file.path.name} has read up to {position['pulled_seq']}"


def check_fold(file: ReplicaFile) -> None:
    """P3: what is kept is what the events add up to."""
    now, anew = refolded(file.path, file.path.with_suffix(".anew"))
    assert now == anew


def check_all(
    files: list[ReplicaFile], server: ModelServer, written: dict[str, tuple[str, str, str]], kept: set[str], sent: Sent
) -> None:
    """Nothing lost, nothing doubled, nobody stuck, and one story everywhere.

    ``written`` tells of each event its owner, job and text; ``kept`` names those that some file or the server held
    whatever was overwritten or restored.
    """
    log = server.rows(_LOG)
    in_log = {row["id"] for row in log if row["replica_id"] is not None}
    refused = {row["event_id"] for row in server.rows("select event_id from ledger.refusals")}
    refusals = {
        file: {row["event_id"] for row in read_file(file.path, "select event_id from refusals")} for file in files
    }
    refused |= {event_id for events in refusals.values() for event_id in events}

    assert sorted(kept - in_log - refused) == [], "lost"
    assert sorted(in_log - kept) == [], "from nowhere"
    _check_log(log, written)
    _check_numbers(server, sent, in_log)
    states = _fold(log)
    for file in files:
        check_now(file, server)
        (position,) = read_file(file.path, _POSITION)
        assert position["acked_seq"] >= position["last_seq"], f"{file.path.name} is stuck"
        owned = {row["id"] for row in log if row["owner"] == file.owner}
        assert refusals[file] == {*file.has.own.values()} - in_log, "own events are in the ledger, or refused"
        assert {row["id"] for row in read_file(file.path, _READ)} == owned, f"{file.path.name} has all that is its own"
        assert _jobs_of(file) == _jobs(states, file.owner), f"{file.path.name} tells the server's story"
        check_fold(file)
    assert_projection_is_fold(server.admin)


def _check_log(log: list[DictRow], written: dict[str, tuple[str, str, str]]) -> None:
    requests: Counter[UUID] = Counter()
    endings: Counter[UUID] = Counter()
    last: defaultdict[UUID, int] = defaultdict(int)
    for row in log:
        if row["replica_id"] is not None:
            assert (row["owner"], str(row["job_id"]), row["data"]) == written[row["id"]], "as it was written"
            assert row["actor"] == LOGINS[row["owner"]], "P11: by whom it came"
            assert row["replica_seq"] > last[row["replica_id"]], "in the order of its file, and once"
            last[row["replica_id"]] = row["replica_seq"]
        requests[row["job_id"]] += row["type"] == "job.requested"
        endings[row["job_id"]] += row["type"] in ("job.completed", "job.failed", "job.cancelled")
    assert set(requests.values()) <= {0, 1}, "P2: each request counts once"
    assert {job: n for job, n in requests.items() if n} == {job: n for job, n in endings.items() if n}, "P4: one end"


def _check_numbers(server: ModelServer, sent: Sent, in_log: set[str]) -> None:
    """P8: each number of a replica, up to its head, is an event, a refusal, or an event that came under another one."""
    used: defaultdict[UUID, list[int]] = defaultdict(list)
    for row in server.rows(
        """
        select replica_id, replica_seq from ledger.events where replica_id is not null
        union all select replica_id, replica_seq from ledger.refusals"""
    ):
        used[row["replica_id"]].append(row["replica_seq"])
    heads = {row["replica_id"]: row["head"] for row in server.rows("select replica_id, head from ledger.replicas")}
    assert used.keys() <= heads.keys()
    for replica, head in heads.items():
        numbers = used[replica]
        assert len(set(numbers)) == len(numbers), "a number counts once"
        assert max(numbers, default=0) <= head
        elsewhere = {n for n in range(1, head + 1) if n not in numbers}
        assert all(sent[replica, n] & in_log for n in elsewhere), "head = accepted + refused"


def _fold(log: Iterable[DictRow]) -> dict[UUID, JobState]:
    states: dict[UUID, JobState] = {}
    for row in log:
        if (job_id := row["job_id"]) is not None:
            states[job_id] = fold(states.get(job_id) or JobState(job_id), parse_event(row))
    return states


def _jobs(states: dict[UUID, JobState], owner: str) -> dict[str, tuple[Any, ...]]:
    return {
        str(job_id): (state.status, state.attempt, state.result, state.request.name, True)
        for job_id, state in states.items()
        if state.request is not None and state.request.owner == owner
    }


def _jobs_of(file: ReplicaFile) -> dict[str, tuple[Any, ...]]:
    rows = read_file(file.path, "select * from jobs where status <> 'refused'")
    return {
        row["job_id"]: (
            row["status"],
            row["attempt"],
            None if row["result"] is None else json.loads(row["result"]),
            row["name"],
            row["finished_at"] is not None,
        )
        for row in rows
    }
