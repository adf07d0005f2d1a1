"""The server's limits: a file learns them when it syncs, and keeps to them when something is submitted."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from stepwise import Server

from client_sync import JobClient
from client_sync.file.limits import PUSH_EVENT_BYTES, ServerLimits
from client_sync.sync import outbox
from client_sync.sync.result import SyncResult
from jobledger.cli import cli
from ledger.errors import InvalidEvent

REQUEST = "insert into events (type, data) values ('job.requested', :data)"


def limit(server: Server, **limits: int) -> None:
    for column, value in limits.items():
        server.execute(f"update ledger.limits set {column} = %(value)s", value=value)  # noqa: S608 - names of the tests


def sized(size: int) -> str:
    """The data of a request, of so many bytes."""
    around = len('{"name":"a","params":{"x":""}}')
    return json.dumps({"name": "a", "params": {"x": "x" * (size - around)}}, separators=(",", ":"))


def deep(levels: int) -> str:
    return '{"name":"a","params":{"x":' + "[" * (levels - 2) + "]" * (levels - 2) + "}}"


def test_a_new_file_has_the_servers_defaults(online: JobClient, server: Server) -> None:
    assert online.limits == ServerLimits()
    online.sync()
    assert online.limits == ServerLimits()


@pytest.mark.parametrize(
    ("limits", "fits", "over", "reason"),
    [
        ({"max_event_bytes": 1000}, sized(1000), sized(1001), "more bytes than replica.max_event_bytes"),
        ({"max_batch_bytes": 1000}, sized(1000), sized(1001), "more bytes than replica.max_event_bytes"),
        ({"max_params_bytes": 100}, sized(122), sized(123), "params: more bytes"),
        ({"max_json_depth": 4}, deep(4), deep(5), "nests deeper"),
        ({"max_event_bytes": 300_000, "max_params_bytes": 300_000}, sized(300_000), sized(300_001), "more bytes"),
        ({"max_json_depth": 128}, deep(128), deep(129), "nests deeper"),
    ],
)
def test_p8_changed_limits_hold_at_submit_and_on_both_sides(
    online: JobClient,
    server: Server,
    plain: sqlite3.Connection,
    limits: dict[str, int],
    fits: str,
    over: str,
    reason: str,
) -> None:
    limit(server, **limits)
    online.sync()
    params = json.loads(fits)["params"]
    online.submit("a", params)
    plain.execute(REQUEST, {"data": fits})
    with pytest.raises(InvalidEvent):
        online.submit("a", json.loads(over)["params"])
    with pytest.raises(sqlite3.IntegrityError, match=reason):
        plain.execute(REQUEST, {"data": over})
    assert online.sync() == SyncResult(pushed=2), "what fits here fits there"


def test_p8_an_event_over_a_lowered_limit_is_refused_alone(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    before = online.submit("before")
    plain.execute(REQUEST, {"data": sized(5000)})
    after = online.submit("after")
    limit(server, max_batch_bytes=1000)
    assert online.sync() == SyncResult(pushed=2, refused=1)
    (refusal,) = online.refusals()
    assert (refusal.code, refusal.detail) == ("too_large", "data has 5000 bytes; the limit is 1000")
    assert {online.get(job.id).shown for job in (before, after)} == {"accepted"}


@pytest.mark.parametrize("limits", [{"max_batch_events": 3}, {"max_batch_bytes": 1000}, {"max_batch_bytes": 20_000}])
def test_p8_pushes_keep_to_a_lowered_limit(online: JobClient, server: Server, limits: dict[str, int]) -> None:
    limit(server, **limits)
    online.submit_many({"name": "a", "params": {"n": n}} for n in range(100))
    assert online.sync() == SyncResult(pushed=100)
    with online.transaction() as db:
        batch = outbox.read_batch(db, 0)
    most = limits.get("max_batch_bytes", 10**9)
    assert len(batch) == limits.get("max_batch_events", max(most // PUSH_EVENT_BYTES, 1))


def test_limits_that_did_not_change_are_not_written(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    online.sync()
    version = plain.execute("pragma data_version").fetchone()
    online.sync()
    assert plain.execute("pragma data_version").fetchone() == version, "an idle sync writes nothing"


def test_the_command_keeps_to_what_the_file_knows(online: JobClient, server: Server, path: Path) -> None:
    limit(server, max_event_bytes=1000)
    online.sync()
    request = ["submit", "a", "--db", str(path), "--params", json.dumps({"x": "x" * 1000})]
    with pytest.raises(InvalidEvent, match="the limit is 1000"):
        CliRunner().invoke(cli, request, catch_exceptions=False)
    limit(server, max_event_bytes=400_000, max_params_bytes=400_000)
    online.sync()
    request[-1] = json.dumps({"x": "x" * 300_000})
    assert CliRunner().invoke(cli, request, catch_exceptions=False).exit_code == 0
    assert online.sync().pushed == 1
