"""Which files a client opens, what it makes of them, and which it leaves alone."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from client_sync import JobClient
from client_sync.file.replica import Replica
from client_sync.file.schema import APPLICATION_ID, VERSION
from client_sync.file.upgrade import statements
from ledger.errors import Conflict, InvalidEvent, LedgerError, NotALedger, SchemaMismatch


def test_a_missing_file_is_made(path: Path) -> None:
    JobClient(path).close()
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("pragma application_id").fetchone() == (APPLICATION_ID,)
        assert file.execute("pragma user_version").fetchone() == (VERSION,)
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)
        tables = file.execute("select name, strict from pragma_table_list where name in ('events', 'jobs', 'replica')")
        assert sorted(tables) == [("events", 1), ("jobs", 1), ("replica", 1)]


def test_p1_every_commit_reaches_the_disk(path: Path) -> None:
    replica = Replica(path)
    assert replica.connection().execute("pragma synchronous").fetchone() == (2,), "FULL"
    replica.close()


def test_a_file_that_is_up_to_date_needs_no_migration_and_no_sqlite_utils(path: Path) -> None:
    JobClient(path).close()
    program = (
        "import sys; from client_sync import JobClient; JobClient(sys.argv[1]).close();"
        " print('sqlite_utils' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_the_import_is_light() -> None:
    heavy = {"psycopg", "sqlite_utils", "tenacity", "click", "pydantic"}
    program = f"import sys, client_sync; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


def test_an_app_keeps_its_tables_in_the_same_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table notes (text)")
        file.execute("insert into notes values ('mine')")
        file.commit()
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("select text from notes").fetchone() == ("mine",)


def test_a_missing_file_is_not_made_when_only_looking(path: Path) -> None:
    with pytest.raises(NotALedger, match="no such file"):
        JobClient(path, create=False)
    assert not path.exists()


def _foreign(file: sqlite3.Connection) -> None:
    file.execute("pragma application_id = 1196444487")


def _numbered(file: sqlite3.Connection) -> None:
    file.execute("pragma user_version = 7")


def _taken(file: sqlite3.Connection) -> None:
    file.execute("create table jobs (mine)")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_foreign, "another application's file"),
        (_numbered, "uses user_version"),
        (_taken, "tables of its own named jobs"),
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(path: Path, make: object, reason: str) -> None:
    assert callable(make)
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table things (a)")
        make(file)
        file.commit()
    before = path.read_bytes()
    with pytest.raises(NotALedger, match=reason):
        JobClient(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_file_of_a_newer_version_is_left_as_it_is(path: Path) -> None:
    JobClient(path).close()
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="newer jobledger"):
        JobClient(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database", b"x" * 5000, b"SQLite format 3\x00"])
def test_a_file_that_is_not_sqlite_is_left_as_it_is(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotALedger, match="not an SQLite file"):
        JobClient(path)
    assert path.read_bytes() == content


def test_a_damaged_file_is_named_as_such(path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * (4096 - 100)
    path.write_bytes(content)
    with pytest.raises(NotALedger, match="damaged"):
        JobClient(path)
    assert path.read_bytes() == content


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot open"):
        JobClient(tmp_path)


def test_an_empty_file_is_a_new_file(path: Path) -> None:
    path.touch()
    with JobClient(path) as jobs:
        assert jobs.list() == []


def test_many_can_make_the_file_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(20):  # the moment in which they can get in each other's way is short
        path = tmp_path / f"{number}.db"
        start = threading.Barrier(8)
        failures: list[BaseException] = []

        def open_it(
            path: Path = path, start: threading.Barrier = start, failures: list[BaseException] = failures
        ) -> None:
            start.wait()
            try:
                JobClient(path).close()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("select count(*) from replica").fetchone() == (1,)


def test_p1_a_second_client_of_one_process_takes_no_lock_from_the_first(jobs: JobClient, path: Path) -> None:
    """POSIX takes a process's locks on a file away when it closes any handle of it; others then delete the log."""
    jobs.submit("before")
    JobClient(path).close()
    look = "import sys; from client_sync import JobClient; c = JobClient(sys.argv[1]); print(len(c.list())); c.close()"
    for count in (1, 2):  # the first look must not take the log away, in which the second job is saved
        done = subprocess.run([sys.executable, "-c", look, str(path)], check=True, capture_output=True, text=True)
        assert done.stdout == f"{count}\n"
        jobs.submit("after")


def test_a_closed_client_says_so(path: Path) -> None:
    jobs = JobClient(path)
    jobs.close()
    jobs.close()
    with pytest.raises(LedgerError, match="is closed"):
        jobs.list()


def test_a_script_is_split_at_the_ends_of_its_statements() -> None:
    table = "create table a (b);\n"
    trigger = "-- a comment; with a semicolon\ncreate trigger t after insert on a\nbegin\n  select 1;\nend;\n"
    assert list(statements(table + trigger)) == [table, trigger]


def test_of_a_batch_that_the_file_refuses_the_culprit_is_named(jobs: JobClient) -> None:
    seen: list[str] = []
    with jobs.transaction() as db:
        db.create_function("note", 1, seen.append)
        db.execute(
            """
            create trigger no_such_name before insert on events when json_extract(new.data, '$.name') = 'bad'
            begin select note(new.id); select raise(abort, 'no such name'); end"""
        )
    with pytest.raises(InvalidEvent, match="no such name") as error:
        jobs.submit_many([{"name": "bad" if n == 30 else "good"} for n in range(60)])
    assert seen
    assert seen[-1] in str(error.value)
    assert jobs.list() == []


def test_a_thread_that_keeps_the_file_makes_others_say_busy(jobs: JobClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.file.replica.BUSY_TIMEOUT_S", 0.05)
    with ThreadPoolExecutor(1) as other, jobs.transaction():
        for change in (lambda: jobs.submit("a"), lambda: jobs.submit_many([{"name": "a"}])):
            with pytest.raises(Conflict, match="is busy"):
                other.submit(change).result()
        assert other.submit(jobs.list).result() == [], "readers wait for nobody"
    jobs.submit("a")


def test_a_forked_child_has_connections_of_its_own(jobs: JobClient) -> None:
    jobs.submit("before")
    child = os.fork()
    if child == 0:
        jobs.submit("in the child")
        os._exit(len(jobs.list()))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 2
    jobs.submit("after")
    assert [job.name for job in jobs.list()] == ["after", "in the child", "before"]


def test_a_disk_where_no_memory_can_be_shared_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network drive: SQLite's locks by way of files have no shared memory, so it stays with a journal."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        "client_sync.file.opening.sqlite3.connect",
        lambda file, **options: connect(f"{Path(file).as_uri()}?vfs=unix-dotfile", uri=True, **options),
    )
    with pytest.raises(LedgerError, match="cannot use a write-ahead log") as error:
        JobClient(path)
    assert error.value.hint
