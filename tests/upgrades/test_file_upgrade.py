"""A file that version 1 has made and filled, opened by this version."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from old_version import V1
from stepwise import Server

from client_sync import JobClient
from client_sync.care.examine import examine
from client_sync.care.salvage.salvage import salvage
from client_sync.file import opening, schema, upgrade
from client_sync.file.schema import VERSION
from ledger.errors import LedgerError, NotALedger, SchemaMismatch


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The file of version 1."""
    return Path(shutil.copy(V1 / "file.sqlite", tmp_path / "old.db"))


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A file that this version has made."""
    JobClient(tmp_path / "new.db").close()
    return tmp_path / "new.db"


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


def catalogue(path: Path) -> dict[tuple[str, str], str]:
    """What is in a file, by kind and name, but for the app's own table in the file of version 1."""
    rows = ask(path, "select type, name, tbl_name, coalesce(sql, '') from sqlite_schema where tbl_name <> 'notes'")
    return {(str(kind), str(name)): " ".join(f"{table} {sql}".split()) for kind, name, table, sql in rows}


def content(path: Path, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    return {table: ask(path, f"select * from {table} order by 1") for table in tables}  # noqa: S608 - named here


def version(path: Path) -> int:
    ((number,),) = ask(path, "pragma user_version")
    assert isinstance(number, int)
    return number


EVERYTHING = ("replica", "events", "jobs", "refusals", "shown_jobs", "compactable_jobs", "notes")


def test_an_upgraded_file_has_the_catalogue_of_a_new_one(old: Path, new: Path) -> None:
    JobClient(old).close()
    assert version(old) == version(new) == VERSION
    assert catalogue(old) == catalogue(new)


def test_p16_an_upgrade_keeps_every_row(old: Path) -> None:
    before = content(old, *EVERYTHING)
    history = ask(old, "select * from replica_history")
    JobClient(old).close()
    assert content(old, *EVERYTHING) == before
    *kept, added = ask(old, "select * from replica_history")
    assert kept == history
    assert added[2] == "replica.upgraded"
    assert json.loads(str(added[3])) == {"from": 1, "to": VERSION}


def test_the_version_is_recorded_once(old: Path, new: Path) -> None:
    assert ask(old, "select migration_set from _sqlite_migrations") == [("jobledger replica",)]
    JobClient(old).close()
    for path in (old, new):
        assert ask(path, "select name from sqlite_schema where name like '%migration%'") == []


def test_an_app_that_uses_sqlite_utils_too_keeps_its_migrations(old: Path) -> None:
    change(
        old,
        """insert into _sqlite_migrations (migration_set, name, applied_at) values ('the app', 'm001', '2026-01-01')""",
    )
    JobClient(old).close()
    assert ask(old, "select migration_set, name from _sqlite_migrations") == [("the app", "m001")]


def test_an_upgraded_file_passes_every_check(old: Path) -> None:
    JobClient(old).close()
    found = {finding.check: finding for finding in examine(old, full=True)}
    assert {check for check, finding in found.items() if finding.level == "fail"} == set()
    assert ask(old, "pragma integrity_check") == [("ok",)]


def test_an_app_goes_on_with_an_upgraded_file(old: Path, server: Server) -> None:
    with JobClient(old, dsn=server.dsn) as jobs:
        known = {job.id: job for job in jobs.list(limit=1000)}
        key = next(job for job in known.values() if job.key == "in the outbox")
        assert jobs.submit("square", {"n": 8}, key="in the outbox").id == key.id
        new = jobs.submit("double", {"n": 12})
        cancelled = jobs.submit("square", {"n": 13})
        assert jobs.cancel(cancelled.id).shown == "cancelling"
        assert {job.id for job in jobs.list(limit=1000)} == {*known, new.id, cancelled.id}
        assert jobs.unsent == 5
        jobs.sync()  # this server is new, as one restored from before the file: it gets all that the file has
        server.complete("double", 24)
        jobs.sync()
        assert jobs.unsent == 0
        assert (jobs.get(new.id).status, jobs.get(new.id).result) == ("completed", 24)


def test_reading_an_older_file_leaves_it_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    with JobClient(old, read_only=True) as jobs:
        known = jobs.list(limit=1000)
        assert len(known) == 18
        assert jobs.get(known[0].id) == known[0]
        assert jobs.history(known[0].id)
        assert jobs.refusals()
        assert jobs.unsent == 2
    assert old.read_bytes() == before
    assert [file.name for file in old.parent.iterdir()] == [old.name]


def test_an_older_file_is_examined_as_it_is(old: Path) -> None:
    before = old.read_bytes()
    found = {finding.check: finding for finding in examine(old, full=True)}
    assert {check for check, finding in found.items() if finding.level == "fail"} == set()
    assert "version 1" in found["file"].message
    assert f"makes it version {VERSION}" in str(found["file"].advice)
    assert old.read_bytes() == before


def test_salvage_reads_files_of_every_version(old: Path, tmp_path: Path) -> None:
    upgraded = Path(shutil.copy(old, tmp_path / "upgraded.db"))
    JobClient(upgraded).close()
    reports = [salvage(path, tmp_path / f"from-{path.name}") for path in (old, upgraded)]
    for report in reports:
        report.replica_id, report.pages = "", 0
    assert reports[0] == reports[1]
    assert (reports[0].salvaged, reports[0].acknowledged) == (4, 15)
    assert reports[0].owner == "app_alice"
    assert reports[0].missing == []


def test_salvage_reads_files_of_versions_to_come(old: Path, tmp_path: Path) -> None:
    JobClient(old).close()
    for table in ("events", "replica", "refusals"):
        change(old, f"alter table {table} add column later text default 'x'")
    change(old, f"pragma user_version = {VERSION + 1}")
    with pytest.raises(SchemaMismatch):
        JobClient(old)
    report = salvage(old, tmp_path / "saved.db")
    assert (report.salvaged, report.owner, report.missing) == (4, "app_alice", [])


def test_the_columns_of_version_1_keep_their_names_and_places(new: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as first:
        first.executescript((V1 / "replica.sql").read_text(encoding="utf-8"))
        for table in ("replica", "replica_history", "events", "jobs", "refusals", "shown_jobs", "compactable_jobs"):
            columns = f"select name, type, pk from pragma_table_info('{table}')"  # noqa: S608 - named above
            before = first.execute(columns).fetchall()
            assert ask(new, columns)[: len(before)] == before


def test_compaction_works_on_an_upgraded_file(old: Path) -> None:
    from datetime import timedelta

    leaving = ask(old, "select job_id from compactable_jobs")
    with JobClient(old) as jobs:
        assert jobs.compact(timedelta(0)).jobs == len(leaving)
    assert ask(old, "select job_id from compactable_jobs") == []


# What an app has in the same file


def test_an_apps_own_objects_survive(old: Path) -> None:
    theirs = (
        "create table links (note integer, job_id text references jobs (job_id) on delete cascade)",
        "create index links_by_job on links (job_id)",
        "create index events_by_type on events (type)",
        "create view pending as select job_id, shown from shown_jobs where status = 'pending'",
        "create trigger noted after insert on events when new.type = 'job.requested' begin"
        " insert into links (note, job_id) values (1, (select j.job_id from jobs j where j.job_id = new.job_id)); end",
        "create trigger of_notes after insert on notes begin insert into events (type, data)"
        " values ('job.requested', json_object('name', new.text)); end",
        "create trigger of_view instead of insert on shown_jobs begin insert into notes (text) values (new.name); end",
    )
    change(old, *theirs)
    mine = """select name, sql from sqlite_schema where name in
        ('links', 'links_by_job', 'events_by_type', 'pending', 'noted', 'of_notes', 'of_view', 'notes') order by name"""
    before = ask(old, mine)
    assert len(before) == len(theirs) + 1
    JobClient(old).close()
    assert ask(old, mine) == before
    change(old, "insert into shown_jobs (name) values ('by way of the view')")
    assert ask(old, "select name from jobs order by rowid desc limit 1") == [("by way of the view",)]
    assert len(ask(old, "select * from pending")) == 6


DROPS = "\n".join(re.findall(r"^drop .*$", upgrade.steps_after(VERSION - 1)[0], re.MULTILINE))


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Make this code one of a version that is to come, by its step and the second half of its schema."""

    def become(step: str, code: str) -> None:
        for module in (schema, upgrade, opening):
            monkeypatch.setattr(module, "VERSION", VERSION + 1)
        monkeypatch.setattr(upgrade, "steps_after", lambda _: [f"{DROPS}\n{step}"])
        monkeypatch.setattr(upgrade, "halves", lambda: ("", code))

    return become


CODE = upgrade.halves()[1]


def test_views_and_triggers_that_would_no_longer_work_are_named(
    old: Path, next_version: Callable[[str, str], None]
) -> None:
    change(
        old,
        "create view broken_before as select 1 as one from nowhere",
        "create trigger broken_before after insert on notes begin insert into gone (a) values (1); end",
        "create trigger requested after insert on events begin insert into notes (text) values (new.later); end",
    )
    JobClient(old).close()
    change(
        old,
        "create view dear as select job_id, priority from shown_jobs",
        "create trigger of_view instead of insert on shown_jobs begin select new.priority; end",
    )
    before = catalogue(old), content(old, *EVERYTHING)
    next_version("", CODE.replace("s.priority, s.attempt", "s.attempt"))
    with pytest.raises(SchemaMismatch, match="the app's trigger of_view, view dear would no longer work"):
        JobClient(old)
    assert (catalogue(old), content(old, *EVERYTHING), version(old)) == (*before, VERSION)


def test_an_apps_index_and_trigger_survive_a_table_that_is_made_anew(
    old: Path, next_version: Callable[[str, str], None]
) -> None:
    theirs = (
        "create index refusals_by_code on refusals (code)",
        "create trigger refused after insert on refusals begin insert into notes (text) values (new.code); end",
        "create table whys (event_id text references refusals (event_id))",
    )
    change(old, *theirs)
    JobClient(old).close()
    before = catalogue(old), content(old, *EVERYTHING)
    next_version(
        """create table anew (local_seq integer primary key, event_id text not null unique, job_id text,
            type text not null, code text not null, detail text not null,
            refused_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))) strict;
        insert into anew select * from refusals;
        drop table refusals;
        alter table anew rename to refusals;
        create index refusals_by_job on refusals (job_id);""",
        CODE,
    )
    JobClient(old).close()
    assert version(old) == VERSION + 1
    after = catalogue(old)
    assert after.keys() == before[0].keys()
    assert {key for key in after if after[key] != before[0][key]} == {("table", "refusals")}
    assert content(old, *EVERYTHING) == before[1]


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("create index refusals_by_job on notes (text)", "refusals_by_job"),
        ("create table refusals_by_job (a)", "refusals_by_job"),
    ],
)
def test_a_name_that_the_app_has_taken_is_named(old: Path, theirs: str, named: str) -> None:
    change(old, theirs)
    before = old.read_bytes()
    with pytest.raises(SchemaMismatch, match=f"from version 1 to {VERSION}.*{named}") as error:
        JobClient(old)
    assert error.value.hint
    assert "\n" not in error.value.message
    assert old.read_bytes() == before


def test_a_new_file_takes_no_name_of_the_apps(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    change(path, "create table notes (a)", "create index jobs_by_key on notes (a)")
    before = path.read_bytes()
    with pytest.raises(NotALedger, match="of its own named jobs_by_key"):
        JobClient(path)
    assert path.read_bytes() == before


# Crashes, full disks and others


def in_child(action: Callable[[], object]) -> int:
    """The exit code of a child that does this; negative: the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(statement: int, path: Path) -> Callable[[], None]:
    """Open a file, and be killed where SQLite is about to run this statement of the upgrade."""

    def act() -> None:
        count = iter(range(1, 10_000))
        connect = sqlite3.connect

        def tracing(*given: object, **options: object) -> sqlite3.Connection:
            connection = connect(*given, **options)  # type: ignore[call-overload]

            def trace(_: str) -> None:
                if next(count) == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            connection.set_trace_callback(trace)
            return connection  # type: ignore[no-any-return]

        sqlite3.connect = tracing  # type: ignore[assignment]
        JobClient(path).close()

    return act


def test_p1_killed_at_any_point_an_upgrade_leaves_the_old_file_or_the_new_one(old: Path, new: Path) -> None:
    before, after = catalogue(old), catalogue(new)
    rows = content(old, *EVERYTHING)
    seen = []
    for statement in range(1, 10_000):
        path = Path(shutil.copy(old, old.with_name(f"{statement}.db")))
        code = in_child(killed_at(statement, path))
        seen.append(version(path))
        assert catalogue(path) == {1: before, VERSION: after}[seen[-1]]
        assert content(path, *EVERYTHING) == rows
        assert ask(path, "pragma integrity_check") == [("ok",)]
        JobClient(path).close()
        assert catalogue(path) == after
        assert len(ask(path, "select 1 from replica_history where what = 'replica.upgraded'")) == 1
        if code == 0:
            break
        assert code == -signal.SIGKILL
        path.unlink()
    assert seen == sorted(seen)
    assert seen.count(1) > 50, "each statement of the upgrade was met"
    assert seen.count(VERSION) > 1


def test_a_full_disk_leaves_the_old_file(old: Path, new: Path) -> None:
    before, after = catalogue(old), catalogue(new)
    outcomes = set()
    for room in range(0, 200_000, 4000):
        path = Path(shutil.copy(old, old.with_name(f"{room}.db")))

        def act(path: Path = path, room: int = room) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            JobClient(path).close()

        outcomes.add((in_child(act), version(path)))
        assert catalogue(path) == {1: before, VERSION: after}[version(path)]
        assert ask(path, "pragma integrity_check") == [("ok",)]
    assert (1, 1) in outcomes
    assert (0, VERSION) in outcomes


def test_many_processes_that_open_a_file_at_once_upgrade_it_once(old: Path, new: Path) -> None:
    children = []
    for n in range(8):
        child = os.fork()
        if child == 0:
            try:
                with JobClient(old) as jobs:
                    jobs.submit(f"from-{n}")
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    assert catalogue(old) == catalogue(new)
    assert len(ask(old, "select 1 from replica_history where what = 'replica.upgraded'")) == 1
    assert len(ask(old, "select 1 from jobs where name like 'from-%'")) == 8


def test_a_writer_that_keeps_an_older_file_busy_is_named(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("client_sync.file.replica.BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(LedgerError, match="is busy"):
            JobClient(old)
    JobClient(old).close()
    assert version(old) == VERSION


# Newer files


def test_a_newer_file_is_left_as_it_is_and_both_versions_are_named(new: Path) -> None:
    change(new, f"pragma user_version = {VERSION + 1}")
    before = new.read_bytes()
    for read_only in (False, True):
        with pytest.raises(SchemaMismatch) as error:
            JobClient(new, read_only=read_only)
        assert f"version {VERSION + 1}; this one knows {VERSION}" in error.value.message
        assert "\n" not in error.value.message
    assert new.read_bytes() == before


def test_a_file_that_says_only_in_its_log_that_it_is_newer_is_known_as_such(new: Path) -> None:
    with closing(sqlite3.connect(new, isolation_level=None)) as writer:
        writer.execute("pragma wal_autocheckpoint = 0")
        writer.execute(f"pragma user_version = {VERSION + 1}")
        for read_only in (True, False):
            with pytest.raises(SchemaMismatch, match="newer jobledger"):
                JobClient(new, read_only=read_only)


# The steps themselves


def test_each_step_drops_all_code_of_the_version_before() -> None:
    with closing(sqlite3.connect(":memory:")) as file:
        file.executescript((V1 / "replica.sql").read_text(encoding="utf-8"))
        code = "select name from sqlite_schema where type in ('trigger', 'view')"
        for step in upgrade.steps_after(1):
            file.executescript(step)
            assert file.execute(code).fetchall() == []
            file.executescript(upgrade.halves()[1])


def test_the_second_half_holds_the_triggers_and_views_and_nothing_else() -> None:
    data, code = (re.findall(r"^create (?:unique )?(\w+) ", half, re.MULTILINE) for half in upgrade.halves())
    assert set(data) == {"table", "index"}
    assert set(code) == {"trigger", "view"}
    assert len(list(upgrade.statements(upgrade.halves()[1]))) == len(code)
