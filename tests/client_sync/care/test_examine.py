"""``doctor`` on a file: what it sees, what it advises, and that it changes nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest
from databases import Database
from stepwise import Server

from client_sync import JobClient
from client_sync.care import environment, examine
from client_sync.care.compare import compare
from client_sync.care.salvage.salvage import salvage
from client_sync.file.lock import sync_lock
from ledger.errors import ServerUnreachable
from ledger.finding import Finding
from ledger.postgres.database import connect
from ledger.postgres.server.server import PostgresServer

Findings = dict[str, Finding]


def look(path: Path, *, full: bool = False) -> Findings:
    found = [*examine.examine(path, full=full)]
    for finding in found:
        assert finding.advice or finding.level in ("ok", "note"), f"{finding} says what to do"
    return {finding.check: finding for finding in found}


def contents(path: Path) -> dict[str, bytes]:
    """Every file beside ``path``, but for the log's index, which readers share."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}


def edit(path: Path, *statements: str) -> None:
    """Change what the triggers protect, as a bug or a stranger might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for (trigger,) in file.execute("select name from sqlite_schema where type = 'trigger'").fetchall():
            file.execute(f'drop trigger "{trigger}"')
        for statement in statements:
            file.execute(statement)


def test_a_file_that_is_well(path: Path, online: JobClient, server: Server) -> None:
    job = online.submit("count-words", {"path": "a.txt"}, labels={"team": "ä"}, run_at="2020-01-01T00:00:00+02:00")
    online.sync()
    server.complete("count-words", 17)
    online.sync()
    found = look(path)
    del found["sqlite"], found["disk"]  # this machine's
    assert {finding.level for finding in found.values()} == {"ok"}, found
    assert found["backlog"].message == "the server has acknowledged everything"
    assert found["jobs"].message == "all 1 jobs are what their events say"
    assert "app_alice's" in found["file"].message
    assert online.get(job.id).shown == "completed"


def test_what_was_only_saved_is_a_note_and_after_a_day_a_warning(path: Path, jobs: JobClient) -> None:
    jobs.submit("a")
    backlog = look(path)["backlog"]
    assert backlog.level == "note"
    assert backlog.message.startswith("1 events are saved here and not acknowledged, the oldest for ")
    assert backlog.advice == f"jobledger sync --db {path}"
    edit(path, "update events set occurred_at = '2020-01-01T00:00:00Z'")
    backlog = look(path)["backlog"]
    assert backlog.level == "warn"
    assert backlog.message.endswith(" days")


@pytest.mark.parametrize("state", ["closed", "open", "crashed", "copied without the index"])
def test_looking_changes_nothing(state: str, path: Path, tmp_path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a")
        if state == "open":
            before = contents(path)
            assert look(path)["backlog"].message.startswith("1 ")
            assert contents(path) == before
            return
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        sides = {"closed": (), "crashed": ("", "-wal", "-shm"), "copied without the index": ("", "-wal")}[state]
        for side in sides:
            (crashed / (path.name + side)).write_bytes(path.with_name(path.name + side).read_bytes())
    place = crashed / path.name if sides else path
    names, before = sorted(place.parent.iterdir()), contents(place) if sides else {}
    assert look(place)["backlog"].message.startswith("1 ")
    assert sorted(place.parent.iterdir()) == names
    assert (contents(place) if sides else {}) == before


def test_a_missing_file_is_not_made(path: Path) -> None:
    [finding] = look(path).values()
    assert (finding.level, finding.message) == ("fail", f"there is no {path}")
    assert not path.exists()


@pytest.mark.parametrize("content", [b"no database", b"x" * 5000])
def test_a_file_of_something_else_is_the_one_finding(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    [finding] = look(path).values()
    assert (finding.level, finding.message) == ("fail", f"{path} is not an SQLite file")
    assert path.read_bytes() == content


def test_a_newer_file_is_the_one_finding(path: Path) -> None:
    JobClient(path).close()
    edit(path, "pragma user_version = 99")
    [finding] = look(path).values()
    assert "newer jobledger" in finding.message


def test_an_apps_file_without_a_replica_is_a_note(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table notes (text)")
    assert look(path)["file"].level == "note"


def test_a_damaged_page_is_seen_wherever_it_is(path: Path) -> None:
    with JobClient(path) as jobs:
        for job_id in jobs.submit_many({"name": "a", "params": {"x": "x" * 300}} for _ in range(30)):
            jobs.cancel(job_id)
    whole = path.read_bytes()
    for page in range(len(whole) // 4096):
        start, end = max(page * 4096, 100), (page + 1) * 4096  # without the file's header, it is not of SQLite
        content = whole[:start] + b"\x81" * (end - start) + whole[end:]
        path.write_bytes(content)
        damage = [finding for finding in look(path).values() if finding.level == "fail"]
        assert damage
        for finding in damage:
            assert f"jobledger salvage {path} --into NEW" in str(finding.advice)
        assert path.read_bytes() == content


def test_an_index_that_disagrees_with_its_table_is_seen(path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a")
    edit(
        path,
        "pragma writable_schema = on",
        "update sqlite_schema set sql = replace(sql, '(job_id, type)', '(job_id, id)') where name = 'events_by_job'",
    )
    assert look(path)["pages"].level == "fail"


def test_a_gap_in_the_numbers_is_seen(path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a"} for _ in range(3))
    edit(path, "delete from events where local_seq = 2")
    numbers = look(path)["numbers"]
    assert (numbers.level, numbers.message) == ("fail", "own events 1 to 3 should all be here, but there are 2 of them")


def test_events_that_the_server_has_and_the_file_has_not_are_seen(path: Path, online: JobClient) -> None:
    online.submit_many({"name": "a"} for _ in range(3))
    online.sync()
    edit(path, "delete from events where local_seq > 1")
    numbers = look(path)["numbers"]
    assert (numbers.level, numbers.message) == ("fail", "the server has own events up to number 3, the file up to 1")


@pytest.mark.parametrize(
    "wrong",
    [
        "update jobs set status = 'completed'",
        "update jobs set name = '{other'",
        "update jobs set labels = '{\"a\": 1}'",
        "delete from jobs",
    ],
)
def test_a_job_that_is_not_what_its_events_say_is_seen(wrong: str, path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a")
    edit(path, wrong)
    finding = look(path)["jobs"]
    assert finding.level == "fail"
    assert "are not what their events say" in finding.message
    salvage(path, path.with_name("new.db"))
    assert look(path.with_name("new.db"))["jobs"].level == "ok", "as advised"


def test_the_latest_jobs_are_checked_or_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "JOBS_CHECKED", 2)
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a"} for _ in range(5))
    edit(path, "update jobs set priority = 9 where job_id = (select min(job_id) from jobs)")
    assert look(path)["jobs"].message == "the latest 2 of 5 jobs are what their events say"
    assert look(path, full=True)["jobs"].level == "fail"


def test_refusals_and_a_failed_sync_are_reported(path: Path, online: JobClient, server: Server) -> None:
    with online.transaction() as db:
        db.execute('insert into events (type, data) values (\'job.requested\', \'{"name": "a", "parent": "x"}\')')
    online.sync()
    with JobClient(path, dsn="postgresql://127.0.0.1:1/nothing") as offline, pytest.raises(ServerUnreachable):
        offline.sync()
    found = look(path)
    assert found["refusals"].message.startswith("the server refused 1 events, the last at ")
    assert found["sync"].level == "warn"
    assert "no session with Postgres" in found["sync"].message


def test_forks_and_rewinds_are_reported(path: Path, online: JobClient, server: Server) -> None:
    with online.transaction() as db:
        db.execute(
            "insert into replica_history (what) values ('replica.forked'), ('replica.forked'), ('replica.rewound')"
        )
    history = look(path)["history"]
    assert history.level == "note"
    assert "2 times it was found to be a copy" in history.message
    assert "1 times it met a server that had been restored" in history.message


def test_a_clock_that_is_off_is_reported(path: Path, online: JobClient) -> None:
    online.submit("a")
    online.sync()
    with online.transaction() as db:
        db.execute("update replica set clock_skew_ms = -90000")
    clock = look(path)["clock"]
    assert (clock.level, clock.message) == (
        "warn",
        "when they last spoke, the server's clock was 90.0 s behind this machine's",
    )


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)])
def test_a_sqlite_with_the_wal_reset_bug_is_reported(version: tuple[int, ...]) -> None:
    [finding] = environment.examine_sqlite(version)
    assert finding.level == "note"
    assert "3.51.3" in str(finding.advice)


@pytest.mark.parametrize("version", [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 0), (4, 0, 0)])
def test_a_sqlite_without_it_is_well(version: tuple[int, ...]) -> None:
    assert [finding.level for finding in environment.examine_sqlite(version)] == ["ok"]


@pytest.mark.parametrize(("free", "level"), [(1 << 40, "ok"), (100 << 20, "warn"), (1 << 20, "fail")])
def test_the_space_left_is_reported(free: int, level: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    JobClient(path).close()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(environment, "disk_usage", lambda _folder: usage(free, 0, free))
    assert look(path)["disk"].level == level


def test_a_network_file_system_is_reported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    JobClient(path).close()
    monkeypatch.setattr(environment, "_file_system", lambda _path: "nfs4")
    assert "network file system (nfs4)" in look(path)["disk"].message


def test_who_is_syncing_is_reported(path: Path) -> None:
    JobClient(path).close()
    program = "import sys; from pathlib import Path; from client_sync.file.lock import sync_lock\n"
    program += "with sync_lock(Path(sys.argv[1]), timeout=1): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        lock = look(path)["lock"]
        process.communicate("")
    assert lock.level == "note"
    holder = f"by process {process.pid} (" if Path("/proc/locks").exists() else "by another process"
    assert holder in lock.message
    with sync_lock(path, timeout=1):
        pass
    assert look(path)["lock"].message == "nobody is syncing it"


def compared(path: Path, dsn: str) -> Findings:
    with connect(dsn) as connection:
        return {finding.check: finding for finding in compare(path, PostgresServer(connection))}


def test_a_file_is_held_against_its_server(path: Path, online: JobClient, server: Server) -> None:
    online.submit("a")
    online.sync()
    server.sequence()
    found = compared(path, server.dsn)
    assert found["clock"].level == "ok"
    assert found["server"].message == "there is something new to fetch"
    online.sync()
    assert compared(path, server.dsn)["server"].message == "everything was fetched"
    server.begin_life()
    assert "a new epoch" in compared(path, server.dsn)["server"].message
    assert "the file is app_alice's, and this login app_bob" in compared(path, server.other_dsn)["owner"].message
    assert online.sync().new_epoch


def test_a_file_is_held_against_what_is_no_ledger(path: Path, empty_database: Database) -> None:
    JobClient(path).close()
    assert compared(path, empty_database.dsn)["server"].message == "this database has no job ledger"


def test_a_file_that_another_program_keeps_is_not_called_damaged(path: Path, jobs: JobClient) -> None:
    jobs.submit("a")
    jobs.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma journal_mode = delete")
        other.execute("begin exclusive")
        path.with_name(f"{path.name}-wal").touch()  # as if it were open
        path.with_name(f"{path.name}-shm").touch()
        kept = look(path)["file"]
    assert (kept.level, kept.message) == ("fail", "cannot be read: database is locked")
    assert "when it is done" in str(kept.advice)


def test_a_file_without_its_one_row_is_damaged(path: Path) -> None:
    JobClient(path).close()
    edit(path, "delete from replica")
    assert "jobledger salvage" in str(look(path)["file"].advice)
