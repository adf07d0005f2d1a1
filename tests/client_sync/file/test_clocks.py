"""P10: a device's clock is a claim. However wrong it is, nothing is lost, and nothing changes places."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner
from stepwise import Server

from client_sync import JobClient
from client_sync.file.values import format_time
from jobledger.verbs.doctor import command as doctor
from ledger.model.ids import uuid7

DECADE = timedelta(days=3652)
NOW = datetime.now(UTC)


def ids_of(clock: list[datetime]) -> list[UUID]:
    return [uuid7(int(at.timestamp() * 1000), uuid4().int >> 54) for at in clock]


@pytest.mark.parametrize(
    "clock",
    [
        pytest.param([NOW + DECADE + timedelta(seconds=n) for n in range(20)], id="ten years ahead"),
        pytest.param([NOW - DECADE + timedelta(seconds=n) for n in range(20)], id="ten years behind"),
        pytest.param([NOW] * 20, id="frozen"),
        pytest.param([NOW - timedelta(hours=n) for n in range(20)], id="running backwards"),
        pytest.param([NOW + DECADE * (-1) ** n for n in range(20)], id="jumping"),
    ],
)
def test_p10_a_wrong_clock_loses_nothing_and_reorders_nothing(
    online: JobClient, server: Server, plain: sqlite3.Connection, clock: list[datetime]
) -> None:
    written = ids_of(clock)
    for event_id, at in zip(written, clock, strict=True):
        plain.execute(
            "insert into events (id, type, occurred_at, data)"
            " values (:id, 'job.requested', :at, '{\"name\": \"count-words\"}')",
            {"id": str(event_id), "at": format_time(at)},
        )
    asked_at = datetime.now(UTC)
    assert online.sync().pushed == 20
    server.complete("count-words", 17)
    online.sync()
    requests = server.rows("select id, occurred_at, recorded_at from ledger.events where type = 'job.requested'")
    assert {row["id"]: row["occurred_at"] for row in requests} == dict(zip(written, clock, strict=True)), (
        "the claims are kept"
    )
    assert all(asked_at - timedelta(minutes=1) < row["recorded_at"] for row in requests), "the server's clock"
    order = server.rows(
        "select l.event_id from ledger.log l join ledger.events e on e.id = l.event_id"
        " where e.type = 'job.requested' order by l.seq"
    )
    assert [row["event_id"] for row in order] == written
    assert [(job.shown, job.result) for job in online.list()] == [("completed", 17)] * 20


@pytest.mark.parametrize("off", [DECADE, -DECADE])
def test_p10_how_wrong_the_clock_is_is_shown(
    online: JobClient, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    wrong = SimpleNamespace(time=lambda: time.time() + off.total_seconds())
    monkeypatch.setattr("client_sync.sync.exchange.time", wrong)
    job = online.submit("count-words")
    online.sync()
    shown = CliRunner().invoke(doctor, ["--db", str(path)]).stdout
    assert f"the server's clock was 3652 days {'ahead of' if off < timedelta(0) else 'behind'} this machine's" in shown
    assert online.get(job.id).shown == "accepted"
