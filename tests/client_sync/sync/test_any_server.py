"""A client is the same with every server: what it does over each implementation of the port, and of the protocol."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from client_worlds import ClientWorld, FirstPostgresClients, PostgresClients
from databases import Database
from waiting import until

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.sync.background import BackgroundSync
from client_sync.sync.exchange import sync_now
from client_sync.sync.result import SyncResult
from jobledger.cli import run
from ledger.errors import LedgerError, ProtocolMismatch
from ledger.ports.server import Server

NEVER = 3600.0


@pytest.fixture
def replica(path: Path) -> Iterator[Replica]:
    with closing(Replica(path)) as replica:
        yield replica


def opening(world: ClientWorld, login: str = "app_alice") -> Callable[[bool, Callable[[], bool]], Server]:
    return lambda _listen, _stopped: world.server(login)


def shown(path: Path) -> list[str]:
    with JobClient(path) as jobs:
        return sorted(job.shown for job in jobs.list(limit=1000))


def test_what_is_submitted_arrives_and_comes_back(world: ClientWorld, path: Path, replica: Replica) -> None:
    with JobClient(path) as jobs:
        job_ids = jobs.submit_many({"name": "a"} for _ in range(5))
        jobs.cancel(job_ids[0])
    assert sync_now(replica, opening(world)).pushed == 6
    assert shown(path) == [*["accepted"] * 4, "cancelling"]
    world.order()
    result = sync_now(replica, opening(world))
    assert (result.confirmed, result.new_epoch) == (6, False)
    assert shown(path) == ["cancelled", *["pending"] * 4]
    assert sync_now(replica, opening(world)) == SyncResult()


def test_a_second_file_of_the_owner_has_it_all(world: ClientWorld, path: Path, replica: Replica) -> None:
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a"} for _ in range(200))
    sync_now(replica, opening(world))
    world.order()
    with closing(Replica(path.with_name("second.db"))) as second:
        assert sync_now(second, opening(world)).pulled == 200
    assert shown(path.with_name("second.db")) == ["pending"] * 200


def test_a_new_epoch_is_noticed_and_the_log_read_again(world: ClientWorld, path: Path, replica: Replica) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a")
    sync_now(replica, opening(world))
    world.order()
    world.begin_epoch()
    world.order()
    assert sync_now(replica, opening(world)).new_epoch
    assert shown(path) == ["pending"]


def test_in_the_background_news_go_both_ways(world: ClientWorld, path: Path, replica: Replica) -> None:
    background = BackgroundSync(replica, opening(world), poll_s=NEVER)
    try:
        with JobClient(path) as jobs:
            job = jobs.submit("a")
            until(lambda: jobs.get(job.id).shown == "accepted", "the push")
            world.order()
            until(lambda: jobs.get(job.id).shown == "pending", "the news")
        assert background.error is None
    finally:
        background.stop()


def speaking(world: ClientWorld, oldest: int, newest: int) -> ClientWorld:
    if isinstance(world, FirstPostgresClients):
        pytest.skip("version 1 speaks version 1")
    world.speak(oldest, newest)
    return world


def test_p16_who_is_too_old_for_the_server_hears_both_versions_and_keeps_everything(
    world: ClientWorld, path: Path, replica: Replica
) -> None:
    speaking(world, 3, 4)
    with JobClient(path) as jobs:
        jobs.submit("a")
        with pytest.raises(ProtocolMismatch) as error:
            sync_now(replica, opening(world))
        assert str(error.value) == (
            "the server is too new for this jobledger: it speaks versions 3 to 4 of the client protocol,"
            " and this side version 1"
        )
        assert error.value.hint == "everything is kept; upgrade jobledger here, and sync goes on"
        assert jobs.last_error == str(error.value)
        assert (jobs.unsent, jobs.list()[0].shown) == (1, "saved")
        world.speak(1, 1)
        assert sync_now(replica, opening(world)).pushed == 1
        assert jobs.last_error is None


def test_p16_a_server_that_is_too_old_is_named_too(world: ClientWorld, replica: Replica) -> None:
    speaking(world, 0, 0)
    with pytest.raises(ProtocolMismatch, match=r"too old .* version 0 .* version 1") as error:
        sync_now(replica, opening(world))
    assert error.value.hint == "everything is kept; upgrade jobledger on the server, and sync goes on"


def test_p16_the_background_sync_goes_on_by_itself_once_the_server_is_upgraded(
    world: ClientWorld, path: Path, replica: Replica
) -> None:
    speaking(world, 0, 0)
    background = BackgroundSync(replica, opening(world), poll_s=NEVER)
    try:
        with JobClient(path) as jobs:
            job = jobs.submit("a")
            until(lambda: isinstance(background.error, ProtocolMismatch), "the complaint")
            assert jobs.get(job.id).shown == "saved"
            world.speak(1, 1)
            until(lambda: jobs.get(job.id).shown == "accepted", "the push")
        until(lambda: background.error is None, "the end of the complaint")
    finally:
        background.stop()


def test_p16_a_running_background_sync_waits_while_the_server_speaks_otherwise(
    world: ClientWorld, path: Path, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a session that has lasted a while tries again after a second; here each has
    monkeypatch.setattr("client_sync.sync.background.REFUSED_WAIT_S", 0.1)
    background = BackgroundSync(replica, opening(world), poll_s=NEVER)
    try:
        with JobClient(path) as jobs:
            job = jobs.submit("a")
            until(lambda: jobs.get(job.id).shown == "accepted", "the push")
            speaking(world, 3, 3)
            late = jobs.submit("b")
            until(lambda: isinstance(background.error, ProtocolMismatch), "the complaint")
            world.speak(1, 1)
            until(lambda: jobs.get(late.id).shown == "accepted", "the push of what was kept")
    finally:
        background.stop()


def test_p16_the_command_says_it_in_a_line_with_the_code_of_a_conflict(
    path: Path, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    PostgresClients(database).speak(3, 4)
    JobClient(path).close()
    assert run(["sync", "--db", str(path), "--dsn", database.dsn_as("app_alice")]) == 4
    complaint = capsys.readouterr().err
    assert "it speaks versions 3 to 4 of the client protocol, and this side version 1" in complaint


def test_the_driver_is_imported_when_a_sync_begins_and_not_before(path: Path) -> None:
    offline = (
        "import sys; from client_sync import JobClient; jobs = JobClient(sys.argv[1], dsn='postgresql://nobody@localhost');"
        "jobs.submit('a'); jobs.list(); jobs.unsent;"
        "sys.exit(str([name for name in sys.modules if name.startswith(('psycopg', 'ledger.postgres'))]))"
    )
    result = subprocess.run([sys.executable, "-c", offline, str(path)], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == "[]"


def test_without_a_driver_an_app_works_offline_and_hears_what_a_sync_needs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with JobClient(path, dsn="postgresql://nobody@localhost") as jobs:
        jobs.submit("a")
        with pytest.raises(LedgerError, match="psycopg finds no libpq") as error:
            jobs.sync()
        assert "pip install" in str(error.value.hint)
        assert jobs.unsent == 1
