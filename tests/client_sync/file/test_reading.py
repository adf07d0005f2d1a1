"""Looking changes nothing: not the file, nor what is beside it, whoever's it is and wherever it lies."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from client_verbs import as_anyone, assert_one_clear_error, child, typed
from waiting import until

from client_sync import JobClient
from client_sync.file.reading import open_to_read
from client_sync.file.replica import Replica
from jobledger.cli import run
from ledger.errors import LedgerError, NotALedger

READING = ["list", "show", "watch", "wait", "doctor", "salvage"]
CHANGING = ["cancel", "compact", "sync"]
"""What changes a file, and makes none."""
WRITE = """
import sys
from client_sync import JobClient
jobs = JobClient(sys.argv[1])
for line in sys.stdin:
    print(jobs.submit(line.strip()).id, flush=True)
"""


def words(verb: str, path: Path) -> list[str]:
    """What a person types, for the job that ``typed`` names."""
    if verb == "doctor":
        return ["doctor", "--db", str(path)]
    if verb == "salvage":
        return ["salvage", str(path), "--into", str(path.with_name("saved.db"))]
    if verb == "compact":
        return ["compact", "--older-than", "0s", "--db", str(path)]
    return typed(verb, path)


def state(path: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of the folder: its bytes and when it was last written. Not the index of the log, nor what is saved."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mtime_ns)
        for file in path.parent.iterdir()
        if not file.name.endswith("-shm") and not file.name.startswith("saved.db")
    }


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


@pytest.fixture
def writer(path: Path) -> Iterator[Callable[[str], str]]:
    """Another process that has the file open: it submits what it is given, and is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        commands, answers = process.stdin, process.stdout

        def submit(name: str) -> str:
            commands.write(f"{name}\n")
            commands.flush()
            return answers.readline().strip()

        yield submit
        process.kill()


@pytest.fixture
def left_behind(path: Path) -> str:
    """A file whose writer was killed: what it has saved last is in the log only. Gives its job."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("count-words\n")
        process.stdin.flush()
        job_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    assert path.with_name("app.db-wal").stat().st_size > 0
    return job_id


@pytest.mark.parametrize("journal", ["delete", "wal", "wal, left behind"])
@pytest.mark.parametrize("verb", [*READING, *CHANGING])
def test_a_strangers_file_stays_as_it_is(
    verb: str, journal: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = (
        "import os, sqlite3, sys\n"
        "file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "file.execute(f'pragma journal_mode = {sys.argv[2][:6].split(\",\")[0]}')\n"
        "file.execute('create table recipes (title text)')\n"
        "os._exit(0) if 'left' in sys.argv[2] else file.close()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path), journal], check=True)
    before = state(path)
    assert ("app.db-wal" in before) == (journal == "wal, left behind")
    assert run(words(verb, path)) == (0 if verb == "doctor" else 1)
    out, err = capsys.readouterr()
    if verb == "doctor":
        assert "holds no replica" in out
    else:
        assert_one_clear_error(err)
        assert out == ""
    assert state(path) == before
    assert not path.with_name("saved.db").exists()


@pytest.mark.parametrize("verb", READING)
def test_an_idle_file_is_read_and_nothing_is_made(verb: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with JobClient(path) as jobs:
        jobs.submit("a", job_id="01970000-0000-7000-8000-000000000001")
    arguments = words(verb, path)
    before, there = state(path), names(path)
    run(arguments)
    assert "unexpected" not in capsys.readouterr().err
    assert state(path) == before
    assert [name for name in names(path) if not name.startswith("saved.db")] == there


def test_what_another_process_writes_is_seen_at_once(path: Path, writer: Callable[[str], str]) -> None:
    first = writer("first")
    there = names(path)
    with JobClient(path, read_only=True) as looking:
        assert [str(job.id) for job in looking.list()] == [first]
        second = writer("second")
        assert [str(job.id) for job in looking.list()] == [second, first]
    assert names(path) == there


def test_who_looks_at_an_idle_file_sees_what_is_written_later(path: Path) -> None:
    JobClient(path).close()
    with JobClient(path, read_only=True) as looking:
        assert looking.list() == []
        with JobClient(path) as jobs:
            job = jobs.submit("a")
            assert looking.get(job.id).name == "a"
            jobs.submit("b")
            assert len(looking.list()) == 2
        assert len(looking.list()) == 2
        with JobClient(path) as jobs:
            jobs.cancel(job.id)
        assert looking.get(job.id).shown == "cancelling"


def test_a_file_that_is_written_during_a_look_is_looked_at_again(path: Path) -> None:
    JobClient(path).close()
    with closing(Replica(path, read_only=True)) as looking:
        looks: list[int] = []

        def look(connection: sqlite3.Connection) -> int:
            ((before,),) = connection.execute("select count(*) from events")
            if not looks:
                with JobClient(path) as jobs:
                    jobs.submit("a")
            looks.append(before)
            if len(looks) == 1:
                raise sqlite3.DatabaseError("what half a page may look like")
            return int(before)

        assert looking.read(look) == 1
    assert looks == [0, 1]


@pytest.mark.parametrize("index", ["with its index", "without"])
def test_a_log_that_a_killed_writer_left_is_read_too(path: Path, left_behind: str, index: str) -> None:
    if index == "without":
        path.with_name("app.db-shm").unlink()
    before, there = state(path), names(path)
    with JobClient(path, read_only=True) as looking:
        assert [str(job.id) for job in looking.list()] == [left_behind]
    assert state(path) == before
    assert names(path) == there


@pytest.mark.parametrize("index", ["with its index", "without"])
@pytest.mark.parametrize("verb", ["list", "show", "watch", "doctor"])
def test_a_file_on_a_read_only_disk_can_be_read_with_its_log(
    path: Path, left_behind: str, verb: str, index: str
) -> None:
    if index == "without":
        path.with_name("app.db-shm").unlink()
    arguments = [word.replace("01970000-0000-7000-8000-000000000001", left_behind) for word in words(verb, path)]
    before = state(path)
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        done = child(arguments, as_anyone)
    finally:
        path.parent.chmod(0o755)
    printed = done.stdout
    assert {"list": left_behind, "show": "count-words", "watch": "saved", "doctor": "1 jobs are what"}[verb] in printed
    assert done.returncode == (1 if verb == "watch" else 0), done.stderr
    assert state(path) == before


def test_a_copy_goes_when_it_is_closed(
    path: Path, left_behind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.with_name("app.db-shm").unlink()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    connection, seen = open_to_read(path)
    assert list(tmp_path.glob("jobledger-*"))
    assert seen is not None
    connection.close()
    assert not list(tmp_path.glob("jobledger-*"))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("verb", [*READING, *CHANGING, "submit"])
def test_what_is_no_file_is_an_error_at_once(
    verb: str, kind: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    code = run(words(verb, path))
    out, err = capsys.readouterr()
    assert code in (1, 2)
    assert f"it is a {kind}" in out + err or "is a directory" in err
    assert "unexpected" not in err
    assert names(path) == ["app.db"]


@pytest.mark.parametrize("verb", [*READING, *CHANGING])
def test_a_name_that_was_mistyped_makes_nothing(verb: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words(verb, path)) == 1
    out, err = capsys.readouterr()
    assert "no such file" in err.lower() or "there is no" in out
    assert list(path.parent.iterdir()) == []


def test_submit_makes_the_file_once_the_request_is_right(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submit", "a", "--run-at", "yesterday", "--db", str(path)]) == 1
    assert list(path.parent.iterdir()) == []
    assert run(["submit", "a", "--db", str(path)]) == 0
    assert run(["list", "--db", str(path)]) == 0


def test_sync_makes_the_file_on_request(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*typed("sync", path), "--create"]) == 7, "the server is not there; the file is"
    assert run(["list", "--db", str(path)]) == 0


def test_a_client_that_only_reads_changes_nothing(path: Path) -> None:
    with pytest.raises(NotALedger, match="no such file"):
        JobClient(path, read_only=True)
    with JobClient(path) as jobs:
        job = jobs.submit("a")
    before = state(path)
    with JobClient(path, dsn="postgresql://127.0.0.1:1/nothing", read_only=True) as looking:
        changing: list[Callable[[], object]] = [
            lambda: looking.submit("b"),
            lambda: looking.submit_many([{"name": "b"}]),
            lambda: looking.submit("b", key="b"),
            lambda: looking.cancel(job.id),
            lambda: looking.transaction().__enter__(),
            lambda: looking.compact(timedelta(0)),
            looking.sync,
            looking.start_sync,
        ]
        for change in changing:
            with pytest.raises(LedgerError, match="read only"):
                change()
        assert (looking.get(job.id), looking.unsent, looking.unconfirmed) == (job, 1, 1)
        assert (looking.last_error, looking.refusals()) == (None, [])
        assert looking.history(job.id)[0].type == "job.requested"
    assert state(path) == before


def test_a_watcher_of_an_idle_file_hears_of_what_comes(path: Path) -> None:
    with JobClient(path) as jobs:
        job = jobs.submit("a")
    watching = subprocess.Popen(
        [sys.executable, "-m", "jobledger", "watch", str(job.id), "--db", str(path)], stdout=subprocess.PIPE, text=True
    )
    with watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "saved\n"
        with JobClient(path) as jobs:
            jobs.cancel(job.id)
        assert until(watching.stdout.readline, "the change") == "cancelling\n"
        watching.kill()
