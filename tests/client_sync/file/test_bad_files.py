"""A full disk; a file that is read-only, locked, newer or something else: one clear error, and nothing half-written.

Disks are full here because the process may not write beyond a size (RLIMIT_FSIZE), which fails as a real write does.
"""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from client_verbs import as_anyone, assert_one_clear_error, child, typed
from stepwise import Server

from client_sync import JobClient
from client_sync.file import replica
from client_sync.file.schema import VERSION
from jobledger.cli import run
from ledger.errors import LedgerError

LOOKING = ["show", "list", "watch", "wait"]
WRITING = ["submit", "submit many", "cancel"]
VERBS = [*LOOKING, *WRITING, "sync"]


def filled(path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a", job_id="01970000-0000-7000-8000-000000000001", labels={"text": "x" * 100_000})


def on_a_disk_of(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def names(path: Path) -> list[str]:
    """Every file there is, but for what the test itself needs, and the lock of what wrote the file before."""
    beside = {"requests.ndjson", f"{path.name}-write.lock"}
    return sorted(file.name for file in path.parent.iterdir() if file.name not in beside)


def intact(path: Path) -> list[str]:
    """The names of the jobs of a file that is well."""
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert file.execute("select count(*), max(local_seq) from events").fetchone() == (
            *file.execute("select count(*) from events where local_seq is not null").fetchone() * 2,
        )
        return [job_id for (job_id,) in file.execute("select job_id from jobs order by job_id")]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("content", [b"no database", b"x" * 5000, b"PK\x03\x04" + bytes(9000)])
def test_a_file_that_is_something_else(
    verb: str, content: bytes, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(content)
    assert run(typed(verb, path)) == 1
    out, err = capsys.readouterr()
    assert_one_clear_error(err)
    assert "is not an SQLite file" in err
    assert (out, path.read_bytes(), names(path)) == ("", content, [path.name])


@pytest.mark.parametrize("verb", VERBS)
def test_another_applications_file(verb: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("pragma application_id = 7")
        file.execute("create table jobs (id)")
    before = path.read_bytes()
    assert run(typed(verb, path)) == 1
    out, err = capsys.readouterr()
    assert_one_clear_error(err)
    assert "another application's file" in err
    assert (out, path.read_bytes(), names(path)) == ("", before, [path.name])


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_of_a_newer_version(verb: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {VERSION + 1}")
    before = path.read_bytes()
    assert run(typed(verb, path)) == 4
    out, err = capsys.readouterr()
    assert_one_clear_error(err)
    assert "upgrade jobledger" in err
    assert (out, path.read_bytes(), names(path)) == ("", before, [path.name])


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_another_program_has_locked(
    verb: str, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    monkeypatch.setattr(replica, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        code = run(typed(verb, path))
    out, err = capsys.readouterr()
    if verb in ("show", "list"):
        assert (code, err) == (0, ""), "readers wait for nobody, and see what is committed"
    else:
        assert_one_clear_error(err)
        assert ("is still saved" if verb in LOOKING else "is busy") in err
        assert code == (1 if verb in LOOKING else 4)
        assert out == ("saved\n" if verb == "watch" else "")
    assert len(intact(path)) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_another_program_is_writing(
    verb: str, path: Path, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    monkeypatch.setattr(replica, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        code = run(typed(verb, path, server.dsn))
    err = capsys.readouterr().err
    if verb in ("show", "list"):
        assert (code, err) == (0, ""), "readers wait for nobody"
    else:
        assert_one_clear_error(err)
        assert ("is still saved" if verb in LOOKING else "is busy") in err
    assert len(intact(path)) == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_is_read_only(verb: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "app.db"
    path.parent.mkdir()
    filled(path)
    arguments = typed(verb, path)
    before = path.read_bytes()
    path.chmod(0o444)
    path.parent.chmod(0o755 if what == "file" else 0o555)
    try:
        done = child(arguments, as_anyone)
    finally:
        path.parent.chmod(0o755)
    if verb in ("show", "list"):
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert_one_clear_error(done.stderr)
        assert done.returncode == (7 if what == "file" and verb == "sync" else 1)
        assert str(path) in done.stderr or done.returncode == 7 or "is still saved" in done.stderr
        assert done.stdout == ("saved\n" if verb == "watch" else "")
    assert path.read_bytes() == before


def test_a_file_that_is_read_only_cannot_be_synced(path: Path, online: JobClient, server: Server) -> None:
    online.submit("a")
    online.sync()
    online.submit("b")
    with online.transaction() as db:
        connection = db
    connection.execute("pragma query_only = on")
    with pytest.raises(LedgerError, match="readonly"):
        online.sync()
    connection.execute("pragma query_only = off")
    assert online.sync().pushed == 1
    assert server.count("job.requested") == 2


def test_a_lock_that_another_user_owns(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    filled(path)
    path.with_name(f"{path.name}-sync.lock").mkdir()  # no more to be opened than what belongs to somebody else
    assert run(typed("sync", path)) == 1
    assert_one_clear_error(err := capsys.readouterr().err)
    assert "cannot write" in err


@pytest.mark.parametrize("verb", WRITING)
def test_a_full_disk(verb: str, path: Path) -> None:
    filled(path)
    arguments = typed(verb, path)
    done = child(arguments, on_a_disk_of(40_000))
    assert done.returncode == 1
    assert_one_clear_error(done.stderr)
    assert str(path) in done.stderr or "nothing was saved" in done.stderr
    printed = done.stdout.split()
    assert len(intact(path)) == 1 + len(printed), "what was not saved was not printed"


def test_a_disk_that_fills_up_keeps_what_was_printed(path: Path) -> None:
    filled(path)
    done = child(typed("submit many", path), on_a_disk_of(800_000))
    assert done.returncode == 1
    assert_one_clear_error(done.stderr)
    printed = done.stdout.split()
    assert len(printed) in (500, 1000), "each batch is saved whole or not at all"
    assert set(printed) < set(intact(path))
    assert len(intact(path)) == 1 + len(printed)
    assert child(typed("submit many", path), as_anyone).returncode == 0
    assert len(intact(path)) == 1 + len(printed) + 1200


def test_a_full_disk_stops_a_sync_and_loses_nothing(path: Path, tmp_path: Path, server: Server) -> None:
    with JobClient(tmp_path / "other.db", dsn=server.dsn) as other:
        other.submit_many({"name": "a", "params": {"text": "x" * 2000}} for _ in range(200))
        other.sync()
    server.sequence()
    filled(path)
    done = child(typed("sync", path, server.dsn), on_a_disk_of(200_000))
    assert done.returncode == 1
    assert_one_clear_error(done.stderr)
    assert str(path) in done.stderr
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma integrity_check").fetchall() == [("ok",)]
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.sync()
        assert len(jobs.list(limit=500)) == 201
    assert server.count("job.requested") == 201


@pytest.mark.parametrize("verb", ["submit", "sync"])
def test_a_new_file_on_a_full_disk(verb: str, path: Path, server: Server) -> None:
    done = child([*typed(verb, path, server.dsn), *(["--create"] if verb == "sync" else [])], on_a_disk_of(20_000))
    assert done.returncode == 1
    assert_one_clear_error(done.stderr)
    with JobClient(path) as jobs:  # what is left, if anything, is a new file
        jobs.submit("a")
    assert len(intact(path)) == 1


def test_a_salvage_on_a_full_disk_leaves_no_file(path: Path, tmp_path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit_many({"name": "a", "params": {"text": "x" * 2000}} for _ in range(500))
    done = child(["salvage", str(path), "--into", str(tmp_path / "new.db")], on_a_disk_of(200_000))
    assert done.returncode == 1
    assert_one_clear_error(done.stderr)
    assert names(path) == [path.name]


def test_sqlites_own_full_is_reported_as_such(path: Path) -> None:
    with JobClient(path) as jobs:
        with jobs.transaction() as db:
            ((pages,),) = db.execute("pragma page_count")
        with jobs.transaction() as db:
            db.execute(f"pragma max_page_count = {pages + 2}")
        with pytest.raises(LedgerError, match="full"):
            jobs.submit_many({"name": "a", "params": {"text": "x" * 2000}} for _ in range(100))
        assert jobs.list() == []
        with jobs.transaction() as db:
            db.execute("pragma max_page_count = 1000000")
        jobs.submit("a")
    assert len(intact(path)) == 1
