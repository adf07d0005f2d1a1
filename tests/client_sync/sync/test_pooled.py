"""Through a connection pooler in transaction mode all goes as without one, but for the notifications."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from databases import PASSWORD, Database
from poolers import PGBOUNCER, SESSIONS, TransactionPooler, pgbouncer
from psycopg.conninfo import make_conninfo
from stepwise import Server
from waiting import until

from client_sync import JobClient
from client_sync.sync import background
from ledger.errors import LedgerError
from ledger.ports.server import Server as SyncServer
from ledger.postgres.database import connect, is_pooled
from processor import Registry
from processor.service import serve

POOLERS = [
    "ours",
    pytest.param("pgbouncer", marks=pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")),
]
NEVER = 3600.0


@pytest.fixture(params=POOLERS)
def pooled(request: pytest.FixtureRequest, database: Database) -> Iterator[str]:
    """The DSN of the test's database through a pooler."""
    if request.param == "ours":
        with TransactionPooler(database.dsn) as pooler:
            yield pooler.dsn
    else:
        with pgbouncer(database.dsn) as dsn:
            yield dsn


@pytest.fixture
def dsn(pooled: str) -> str:
    """Through the pooler, as alice."""
    return make_conninfo(pooled, user="app_alice", password=PASSWORD)


def sessions(dsn: str, query: str) -> list[object]:
    """What each of the pooler's sessions answers."""
    with ExitStack() as opened:
        held = [opened.enter_context(psycopg.connect(dsn)) for _ in range(SESSIONS)]
        return [row for connection in held for row in connection.execute(query.encode()).fetchall()]


def test_a_pooler_is_noticed_and_a_direct_connection_is_none(server: Server, dsn: str) -> None:
    for one, expected in ((server.dsn, False), (dsn, True)):
        with connect(one) as connection:
            assert is_pooled(connection) is expected


def test_more_clients_than_sessions_exchange_again_and_again(server: Server, dsn: str, tmp_path: Path) -> None:
    rounds, clients = 8, 4  # a driver that prepares does so from the fifth time on

    def exchange(client: int) -> None:
        with JobClient(tmp_path / f"{client}.db", dsn=dsn) as jobs, connect(dsn) as kept:
            for n in range(rounds):
                kept.execute("select %(n)s::int", {"n": n})
                jobs.submit_many({"name": f"a-{client}"} for _ in range(10))
                assert jobs.sync().pushed == 10

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(exchange, range(clients)))
    assert server.count("job.requested") == rounds * clients * 10
    server.sequence()
    with JobClient(tmp_path / "all.db", dsn=dsn) as jobs:
        assert jobs.sync().pulled == rounds * clients * 10


def test_without_notifications_news_come_all_the_same(server: Server, dsn: str, path: Path) -> None:
    with JobClient(path, dsn=dsn) as jobs:
        jobs.start_sync(poll=NEVER)
        job = jobs.submit("count-words")
        until(lambda: jobs.get(job.id).shown == "accepted", "the push")
        assert jobs.sync_pooled
        server.complete("count-words", 17)
        assert jobs.wait(job.id, timeout=60).result == 17
        assert sessions(dsn, "select pg_listening_channels()") == [], "nothing is left behind in a session of others"


def test_without_a_pooler_notifications_are_relied_upon(server: Server, online: JobClient) -> None:
    online.start_sync(poll=NEVER)
    job = online.submit("count-words")
    until(lambda: online.get(job.id).shown == "accepted", "the push")
    assert not online.sync_pooled


def test_sync_watch_says_what_a_pooler_costs(server: Server, dsn: str, path: Path) -> None:
    command = [sys.executable, "-m", "jobledger", "sync", "--watch", "--create", "--db", str(path), "--dsn", dsn]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert "pooler" in watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130


def test_a_processor_refuses_to_share_sessions_and_leaves_no_lock(server: Server, pooled: str) -> None:
    registry = Registry()

    @registry.handler("count-words")
    async def count_words() -> None: ...

    with pytest.raises(LedgerError, match="sessions of its own"):
        asyncio.run(serve(registry, make_conninfo(pooled, user="worker", password=PASSWORD)))
    assert server.value("select count(*) from pg_locks where locktype = 'advisory'") == 0
    assert server.value("select count(*) from ledger.processors") == 0


def test_after_news_the_next_look_is_near_again(
    server: Server, dsn: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    wait = background.BackgroundSync._wait

    def noted(self: background.BackgroundSync, session: SyncServer | None, seconds: float) -> None:
        if session is not None:
            waits.append(seconds)
        wait(self, session, seconds)

    monkeypatch.setattr(background.BackgroundSync, "_wait", noted)
    monkeypatch.setattr(background, "POOLED_POLL_S", 0.02)
    with JobClient(path, dsn=dsn) as jobs:
        jobs.submit("count-words")
        jobs.start_sync(poll=NEVER)
        until(lambda: max(waits, default=0.0) > 0.1, "looks that are farther and farther apart")
        quiet = len(waits)
        server.complete("count-words", 17)
        until(lambda: jobs.list()[0].finished, "the news")
        until(lambda: any(b < a for a, b in pairwise(waits[quiet - 1 :])), "a look that is nearer than the one before")
