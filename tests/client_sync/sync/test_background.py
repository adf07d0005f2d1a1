"""The background sync: it runs by itself, reacts to news at once, waits out trouble, and stops on request."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.file.lock import SyncBusy, sync_lock
from client_sync.sync import background
from client_sync.sync.result import SyncResult
from ledger.errors import LedgerError, ServerUnreachable, SyncRefused

NEVER = 3600.0
"""A poll interval longer than any test: what happens, happens for another reason."""
LAST_WORD = """
    select max(state_change) from pg_stat_activity where datname = current_database() and usename = 'app_alice'"""
"""When the server last heard or answered this client."""
SOON_S = 30.0
"""Far above what closing takes, far below NEVER."""


@pytest.fixture
def syncing(online: JobClient) -> JobClient:
    """A client that has been through its first exchange and rests."""
    online.start_sync(poll=NEVER)
    until(lambda: last_sync(online), "the first exchange")
    return online


def last_sync(jobs: JobClient) -> str | None:
    with jobs.transaction() as db:
        ((at,),) = db.execute("select last_sync_at from replica").fetchall()
    return str(at) if at else None


def test_a_submission_goes_out_at_once(syncing: JobClient, server: Server) -> None:
    job = syncing.submit("count-words")
    until(lambda: syncing.get(job.id).shown == "accepted", "the push, which no poll brings")
    assert server.count("job.requested") == 1


def test_a_submission_ends_the_rest_after_news_that_were_none(
    online: JobClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "SHORTEST_REST_S", NEVER)
    monkeypatch.setattr(background, "LONGEST_REST_S", NEVER)
    online.start_sync(poll=NEVER)
    until(lambda: last_sync(online), "the first exchange")
    for requests in (1, 2, 3):
        server.execute("notify ledger_feed")  # what others do: an exchange that brings nothing, and a rest
        online.submit("count-words")
        until(lambda: server.count("job.requested") == requests, "the push")  # noqa: B023  ends within this round


def test_a_submission_of_another_process_goes_out_too(syncing: JobClient, server: Server, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"a\"}')")
    other.close()
    until(lambda: server.count("job.requested") == 1, "the push")


def test_news_come_in_when_the_server_announces_them(syncing: JobClient, server: Server) -> None:
    job = syncing.submit("count-words")
    until(lambda: server.count("job.requested") == 1, "the push")
    server.complete("count-words", {"words": 17})
    assert syncing.wait(job.id, timeout=30).result == {"words": 17}


def test_p9_with_every_notification_lost_news_are_one_poll_late(online: JobClient, server: Server) -> None:
    server.lose_notifications()
    online.start_sync(poll=0.2)
    job = online.submit("count-words")
    until(lambda: server.count("job.requested") == 1, "the push")
    server.sequence()
    until(lambda: online.get(job.id).shown == "pending", "the poll")


def test_a_cut_connection_is_made_again(syncing: JobClient, server: Server) -> None:
    server.cut_clients()
    job = syncing.submit("count-words")
    until(lambda: syncing.get(job.id).shown == "accepted", "the push over a new connection")
    until(lambda: syncing.sync_error is None, "no more complaint")


def test_a_server_that_is_away_is_waited_for(path: Path, server: Server) -> None:
    with JobClient(path, dsn=server.dsn) as jobs:
        server.limit_connections(0)
        try:
            jobs.start_sync(poll=NEVER)
            job = jobs.submit("count-words")
            until(lambda: isinstance(jobs.sync_error, ServerUnreachable), "the complaint")
            with jobs.transaction() as db:
                assert "too many connections" in str(db.execute("select last_error from replica").fetchone())
        finally:
            server.limit_connections(-1)
        until(lambda: jobs.get(job.id).shown == "accepted", "the push")
        until(lambda: jobs.sync_error is None, "no more complaint")
        with jobs.transaction() as db:
            assert db.execute("select last_error from replica").fetchone() == (None,)


def test_a_server_that_refuses_is_left_alone_and_the_reason_shown(path: Path, server: Server) -> None:
    with JobClient(path, dsn=server.dsn) as alice:
        alice.sync()
    with JobClient(path, dsn=server.other_dsn) as jobs:
        jobs.start_sync(poll=0.01)
        error = until(lambda: jobs.sync_error, "the refusal")
        assert isinstance(error, SyncRefused)
        jobs.submit("count-words")
        jobs.stop_sync()
        assert jobs.unsent == 1
    assert server.count("job.requested") == 0


def test_each_exchange_that_did_something_is_reported(online: JobClient, server: Server) -> None:
    heard: list[SyncResult] = []
    online.submit("a")
    online.start_sync(poll=0.01, report=heard.append)
    until(lambda: len(heard) == 1, "the first report")
    online.submit("b")
    until(lambda: len(heard) == 2, "the second report")
    assert [result.pushed for result in heard] == [1, 1]


def test_an_idle_sync_writes_nothing(online: JobClient, server: Server) -> None:
    online.start_sync(poll=0.01)
    until(lambda: last_sync(online), "the first exchange")
    changes = sqlite3.connect(online._replica.path)
    ((before,),) = changes.execute("pragma data_version")
    polls: set[object] = set()

    def look() -> bool:
        polls.add(server.value(LAST_WORD))
        return len(polls) > 10

    until(look, "ten polls")
    assert changes.execute("pragma data_version").fetchall() == [(before,)]
    changes.close()


def test_another_sync_of_the_same_file_is_waited_for(
    syncing: JobClient, server: Server, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, and without a poll in between: what was appended is not forgotten meanwhile."""
    busy: list[SyncBusy] = []

    @contextmanager
    def counted(file: Path, *, timeout: float) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(sync_lock(file, timeout=min(timeout, 0.01)))
            except SyncBusy as error:
                busy.append(error)
                raise
            yield

    monkeypatch.setattr(background, "sync_lock", counted)
    with sync_lock(path, timeout=10):
        syncing.submit("a")
        until(lambda: len(busy) >= 5, "tries in vain")
        assert server.count("job.requested") == 0
    until(lambda: server.count("job.requested") == 1, "the push")
    assert syncing.sync_error is None, "that somebody else syncs is no trouble"


def test_closing_stops_the_thread_soon(path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "STOP_TIMEOUT_S", NEVER)
    jobs = JobClient(path, dsn=server.dsn)
    jobs.start_sync()
    jobs.start_sync()
    until(lambda: last_sync(jobs), "the first exchange")
    started = time.monotonic()
    jobs.close()
    assert time.monotonic() - started < SOON_S
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sync ")]


def test_closing_does_not_wait_for_a_server_that_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "STOP_TIMEOUT_S", NEVER)
    jobs = JobClient(path, dsn="postgresql://127.0.0.1:1/nothing")
    jobs.start_sync()
    until(lambda: jobs.sync_error, "the complaint")
    started = time.monotonic()
    jobs.close()
    assert time.monotonic() - started < SOON_S


def test_an_unexpected_error_is_shown_and_survived(path: Path, server: Server) -> None:
    with JobClient(path, dsn=server.dsn) as jobs:
        with jobs.transaction() as db:
            db.execute(
                "create trigger full before update of acked_seq on replica begin select raise(abort, 'full'); end"
            )
        jobs.submit("a")
        jobs.start_sync(poll=NEVER)
        error = until(lambda: jobs.sync_error, "the complaint")
        assert isinstance(error, LedgerError)
        assert "full" in str(error)
        with jobs.transaction() as db:
            db.execute("drop trigger full")
        until(lambda: jobs.unsent == 0, "the push")
