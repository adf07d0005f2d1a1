"""A damaged file: what only it holds is saved into a new one, and what the server has is pulled again."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from stepwise import Server

from client_sync import JobClient
from client_sync.care.salvage.report import Salvage
from client_sync.care.salvage.salvage import salvage
from jobledger.cli import run
from ledger.errors import Conflict, LedgerError, NotALedger

PAGE = 4096
EVENT = (
    "select id, job_id, type, occurred_at, correlation_id, causation_id, data from events where local_seq is not null"
)
Damage = Callable[[bytearray, random.Random], None]


def events_of(path: Path) -> dict[str, tuple[Any, ...]]:
    """The own events of an intact file, in their order."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        return {row[0]: row for row in file.execute(EVENT + " order by local_seq")}


def leaf_of_each_event(path: Path) -> dict[str, set[int]]:
    """On which pages each event lies, by SQLite's own table of pages (dbstat)."""
    from client_sync.care.salvage.pages import Cell, open_pages

    pages = open_pages(path)
    found: dict[str, set[int]] = {}
    for image in pages.current():
        for cell in pages.cells(image):
            assert isinstance(cell, Cell)
            row = pages.values(cell)
            if len(row) == 16:
                found[str(row[0])] = {image.page} | ({*range(1, pages.count + 1)} if cell.overflow else set())
    return found


def at_rest(path: Path, copy: Path) -> Path:
    """A copy of the file with its log, as a crash of the app leaves them."""
    for side in ("", "-wal"):
        source = path.with_name(path.name + side)
        if source.exists():
            shutil.copy(source, copy.with_name(copy.name + side))
    return copy


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def filled(path: Path, count: int = 300) -> dict[str, tuple[Any, ...]]:
    """A file of ``count`` jobs and some cancels, closed; its events."""
    with JobClient(path) as jobs:
        ids = jobs.submit_many(
            {"name": "count-words", "params": {"n": n, "text": "ä" * (n % 40)}} for n in range(count)
        )
        for job_id in ids[::10]:
            jobs.cancel(job_id, reason="no longer")
    return events_of(path)


def test_an_intact_file_is_salvaged_whole_and_in_order(path: Path, tmp_path: Path) -> None:
    events = filled(path)
    report = salvage(path, tmp_path / "new.db")
    assert (report.salvaged, report.bad_pages, report.bad_rows, report.missing) == (330, 0, 0, [])
    assert list(events_of(tmp_path / "new.db").values()) == list(events.values())


def test_the_damaged_file_is_left_as_it_is(path: Path, tmp_path: Path) -> None:
    with JobClient(path) as jobs:
        jobs.submit("count-words")
        (tmp_path / "damaged").mkdir()
        damaged = at_rest(path, tmp_path / "damaged" / "app.db")
    before = bytes_of(damaged.parent)
    salvage(damaged, tmp_path / "new.db")
    assert bytes_of(damaged.parent) == before
    assert sorted(before) == ["app.db", "app.db-wal"]


def test_what_is_only_in_the_log_is_found(jobs: JobClient, path: Path, tmp_path: Path) -> None:
    jobs.submit_many({"name": "a", "params": {"x": "x" * 9000}} for _ in range(5))
    jobs.submit("b")
    new = tmp_path / "new.db"
    assert salvage(at_rest(path, tmp_path / "crashed.db"), new).salvaged == 6
    assert events_of(new) == events_of(path)


def test_what_was_never_committed_is_not_saved(jobs: JobClient, path: Path, tmp_path: Path) -> None:
    jobs.submit("kept")
    with jobs.transaction() as db:
        db.execute("pragma cache_size = 1")  # pages go to the log before the commit
        jobs.submit_many({"name": "unfinished", "params": {"x": "x" * 5000}} for _ in range(50))
        crashed = at_rest(path, tmp_path / "crashed.db")
    assert crashed.with_name("crashed.db-wal").stat().st_size > 100_000
    assert salvage(crashed, tmp_path / "new.db").salvaged == 1


def test_any_damaged_page_takes_only_what_was_on_it(path: Path, tmp_path: Path) -> None:
    events = filled(path, 60)
    where = leaf_of_each_event(path)
    whole = path.read_bytes()
    for page in range(1, len(whole) // PAGE + 1):
        damaged = tmp_path / f"{page}.db"
        damaged.write_bytes(whole[: (page - 1) * PAGE] + bytes(PAGE) + whole[page * PAGE :])
        new = tmp_path / f"new-{page}.db"
        report = salvage(damaged, new)
        saved = events_of(new)
        assert saved == {event: row for event, row in events.items() if page not in where[event]}
        lost = sum(last - first + 1 for first, last in report.missing)
        assert lost == len(events) - len(saved)
        # where the text of a trigger goes on, zeros look like any others, and no event was there
        is_rest_of_a_text = page > 1 and whole[(page - 1) * PAGE] == 0
        assert report.bad_pages == (0 if is_rest_of_a_text else 1)


def overwrite(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(content)), chance.randint(1, 3000)
        content[at : at + length] = chance.randbytes(len(content[at : at + length]))


def zero_pages(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        page = chance.randrange(len(content) // PAGE)
        content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def truncate(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


@pytest.mark.parametrize("damage", [overwrite, zero_pages, truncate])
@pytest.mark.parametrize("seed", range(8))
def test_random_damage_loses_only_what_it_hits(damage: Damage, seed: int, path: Path, tmp_path: Path) -> None:
    events = filled(path)
    where = leaf_of_each_event(path)
    whole = path.read_bytes()
    content = bytearray(whole)
    damage(content, random.Random(seed))
    hit = {
        n + 1
        for n in range(len(whole) // PAGE)
        if content[n * PAGE : (n + 1) * PAGE] != whole[n * PAGE : (n + 1) * PAGE]
    }
    damaged, new = tmp_path / "damaged.db", tmp_path / "new.db"
    damaged.write_bytes(content)
    try:
        report = salvage(damaged, new)
    except NotALedger:
        assert all(where[event] & hit for event in events), "nothing was left"
        return
    saved = events_of(new)
    intact = {event: row for event, row in events.items() if not where[event] & hit}
    assert intact.items() <= saved.items()
    assert [event for event in saved if event in intact] == list(intact), "in their order"
    left_out = {skipped.event_id for skipped in report.skipped}
    assert len(saved) + len(left_out) <= len(events)
    assert damaged.read_bytes() == content
    with JobClient(new) as jobs:
        assert jobs.unsent == len(saved)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_log_loses_no_event_of_another_frame(seed: int, jobs: JobClient, path: Path, tmp_path: Path) -> None:
    for n in range(40):
        jobs.submit("count-words", {"n": n})
    damaged = at_rest(path, tmp_path / "damaged.db")
    log = damaged.with_name("damaged.db-wal")
    content = bytearray(log.read_bytes())
    frame = random.Random(seed).randrange(1, len(content) // (PAGE + 24) - 1)
    content[32 + frame * (PAGE + 24) : 32 + (frame + 1) * (PAGE + 24)] = bytes(PAGE + 24)
    log.write_bytes(content)
    with closing(sqlite3.connect(at_rest(damaged, tmp_path / "as-sqlite-sees-it.db"))) as file:
        assert file.execute("select count(*) from events").fetchone() < (40,), "SQLite stops at the damage"
    report = salvage(damaged, tmp_path / "new.db")
    assert report.bad_frames == 1
    assert events_of(tmp_path / "new.db") == events_of(path), "each later frame has the earlier events too"


def test_p1_a_damaged_last_frame_takes_only_its_own_page(jobs: JobClient, path: Path, tmp_path: Path) -> None:
    """It bears the mark of the commit: the transaction's other frames are no less committed for that."""
    jobs.submit_many({"name": "count-words", "params": {"n": n}} for n in range(5))
    damaged = at_rest(path, tmp_path / "damaged.db")
    log = damaged.with_name("damaged.db-wal")
    content = log.read_bytes()
    log.write_bytes(content[:-1000] + bytes(byte ^ 0xFF for byte in content[-1000:]))
    events = events_of(path)
    assert b'"params"' not in content[-PAGE:], "not a page of events"
    report = salvage(damaged, tmp_path / "new.db")
    assert report.bad_frames == 1
    assert events_of(tmp_path / "new.db") == events


def test_a_log_that_was_cut_keeps_what_was_committed_before(jobs: JobClient, path: Path, tmp_path: Path) -> None:
    for n in range(40):
        jobs.submit("count-words", {"n": n})
    damaged = at_rest(path, tmp_path / "damaged.db")
    log = damaged.with_name("damaged.db-wal")
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    with closing(sqlite3.connect(at_rest(damaged, tmp_path / "as-sqlite-sees-it.db"))) as file:
        (count,) = file.execute("select count(*) from events").fetchone()
    assert 0 < count < 40
    assert salvage(damaged, tmp_path / "new.db").salvaged == count
    assert list(events_of(tmp_path / "new.db")) == list(events_of(path))[:count]


@pytest.mark.parametrize("content", [b"", b"no database", b"x" * 50_000, random.Random(1).randbytes(50_000)])
def test_a_file_that_holds_nothing_of_ours_is_named_as_such(content: bytes, path: Path, tmp_path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(NotALedger, match="holds nothing that jobledger wrote"):
        salvage(path, tmp_path / "new.db")
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_of_ours_that_holds_no_own_event_is_salvaged_as_empty(path: Path, tmp_path: Path) -> None:
    JobClient(path).close()
    with closing(sqlite3.connect(path)) as file:
        ((page, size),) = file.execute(
            "select rootpage, (select page_size from pragma_page_size) from sqlite_schema where name = 'replica'"
        )
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    assert salvage(path, tmp_path / "new.db").salvaged == 0
    with JobClient(tmp_path / "new.db") as jobs:
        assert jobs.list() == []


def test_another_applications_file_is_none_of_ours(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table events (id text, data text)")
        file.execute("insert into events values ('1', 'theirs')")
        file.commit()
    with pytest.raises(NotALedger, match="holds nothing"):
        salvage(path, tmp_path / "new.db")


@pytest.mark.parametrize("there", ["new.db", "new.db-wal", "new.db-journal"])
def test_a_file_that_exists_is_never_written_over(there: str, path: Path, tmp_path: Path) -> None:
    filled(path, 3)
    (tmp_path / there).write_text("mine")
    with pytest.raises(Conflict, match="is there already"):
        salvage(path, tmp_path / "new.db")
    assert (tmp_path / there).read_text() == "mine"


def test_a_missing_file_or_folder_is_one_clear_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file"):
        salvage(path, tmp_path / "new.db")
    filled(path, 3)
    with pytest.raises(LedgerError, match="No such file"):
        salvage(path, tmp_path / "nowhere" / "new.db")


def test_a_file_that_is_being_written_is_not_salvaged_half(jobs: JobClient, path: Path, tmp_path: Path) -> None:
    jobs.submit("first")

    def meanwhile(_done: int, _total: int) -> None:
        jobs.submit("meanwhile")

    with pytest.raises(Conflict, match="is being written"):
        salvage(path, tmp_path / "new.db", progress=meanwhile)
    assert not (tmp_path / "new.db").exists()


def test_an_event_that_would_not_pass_today_is_left_out_and_named(path: Path, tmp_path: Path) -> None:
    with JobClient(path) as jobs, jobs.transaction() as db:
        before = jobs.submit("before")
        db.execute("drop trigger own_requests_are_valid")  # as if an earlier version had not had it
        db.execute("insert into events (type, data) values ('job.requested', '{\"name\": \"\"}')")
        after = jobs.submit("after")
    report = salvage(path, tmp_path / "new.db")
    [skipped] = report.skipped
    assert (report.salvaged, skipped.local_seq, skipped.type) == (2, 2, "job.requested")
    assert skipped.reason == "name: must be a text of 1 to 200 characters"
    with JobClient(tmp_path / "new.db") as jobs:
        assert [job.id for job in jobs.list()] == [after.id, before.id]


def synced(path: Path, server: Server) -> list[Any]:
    """A file with events of each kind: in the ledger, refused, accepted, and saved only; all its jobs."""
    with JobClient(path, dsn=server.dsn) as jobs:
        done = jobs.submit("count-words")
        jobs.sync()
        server.complete("count-words", 17)
        jobs.sync()
        with jobs.transaction() as db:
            poison = json.dumps({"name": "poison", "retry_of": "nobody"})
            db.execute("insert into events (type, data) values ('job.requested', :data)", {"data": poison})
        accepted = jobs.submit("accepted")
        assert jobs.sync().refused == 1
        saved = [jobs.submit("saved"), jobs.submit("saved too")]
        jobs.cancel(saved[0].id)
        return [done, accepted, *saved]


def result_of(new: Path, server: Server) -> dict[str, str]:
    """What a new file knows once it has synced, by name of the job."""
    with JobClient(new, dsn=server.dsn) as jobs:
        jobs.sync()
        server.sequence()
        jobs.sync()
        assert jobs.unsent == 0
        return {str(job.name): job.shown for job in jobs.list()}


EVERYTHING = {"count-words": "completed", "accepted": "pending", "saved": "cancelled", "saved too": "pending"}


def test_p1_nothing_acknowledged_and_nothing_saved_is_lost(server: Server, path: Path, tmp_path: Path) -> None:
    synced(path, server)
    report = salvage(path, tmp_path / "new.db")
    assert (report.acknowledged, report.salvaged, report.owner) == (1, 4, "app_alice"), "what has its number is there"
    assert [(skipped.type, skipped.reason[:22]) for skipped in report.skipped] == [
        ("job.requested", "the server refused it:")
    ]
    assert result_of(tmp_path / "new.db", server) == EVERYTHING
    assert server.count("job.requested") == 4


def test_p2_each_event_counts_once_even_if_nothing_says_what_the_server_has(
    server: Server, path: Path, tmp_path: Path
) -> None:
    synced(path, server)
    content = bytearray(path.read_bytes())
    content[:PAGE] = bytes(PAGE)
    path.write_bytes(content)
    with pytest.raises(NotALedger) as caught:
        JobClient(path)
    assert f"jobledger salvage {path} --into NEW" in str(caught.value.hint)
    report = salvage(path, tmp_path / "new.db")
    assert (report.acknowledged, report.salvaged, report.owner) == (0, 6, "app_alice")
    assert result_of(tmp_path / "new.db", server) == EVERYTHING | {"poison": "refused"}
    assert server.count("job.requested") == 4


@pytest.mark.parametrize("seed", range(6))
def test_p2_random_damage_never_doubles_an_event(seed: int, server: Server, path: Path, tmp_path: Path) -> None:
    jobs = synced(path, server)
    content = bytearray(path.read_bytes())
    zero_pages(content, random.Random(seed))
    path.write_bytes(content)
    before = server.count("job.requested")
    try:
        report = salvage(path, tmp_path / "new.db")
    except NotALedger:
        return
    shown = result_of(tmp_path / "new.db", server)
    assert EVERYTHING | {"poison": "refused"} | shown == shown | EVERYTHING | {"poison": "refused"}
    assert {"count-words", "accepted"} <= set(shown), "the server had these"
    assert server.count("job.requested") - before == len({"saved", "saved too"} & set(shown))
    assert len(jobs) == 4
    assert report.salvaged >= 0


def test_p2_two_salvages_of_copies_count_once(server: Server, path: Path, tmp_path: Path) -> None:
    synced(path, server)
    shutil.copy(path, tmp_path / "copy.db")
    for source, new in ((path, "one.db"), (tmp_path / "copy.db", "two.db")):
        salvage(source, tmp_path / new)
    for new in ("one.db", "two.db", "one.db"):
        assert result_of(tmp_path / new, server) == EVERYTHING
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.sync()
    assert server.count("job.requested") == 4
    assert server.count("job.cancel_requested") == 1


def test_what_a_restored_server_may_have_lost_is_sent_again(server: Server, path: Path, tmp_path: Path) -> None:
    synced(path, server)
    with JobClient(path) as jobs, jobs.transaction() as db:
        db.execute("update replica set acked_seq = 0")  # as ``rewind`` leaves it
    assert salvage(path, tmp_path / "new.db").acknowledged == 0
    assert result_of(tmp_path / "new.db", server) == EVERYTHING


def test_p1_what_a_damaged_log_says_no_more_may_be_that_a_restored_server_lost_it(
    server: Server, path: Path, tmp_path: Path
) -> None:
    """The file itself still says that the server had it all; only the damaged frame said otherwise."""
    synced(path, server)
    with JobClient(path) as jobs:
        with jobs.transaction() as db:
            ((page,),) = db.execute("select rootpage from sqlite_schema where name = 'replica'")
            ((refused,),) = db.execute("select event_id from refusals")
            db.execute("update replica set acked_seq = 0")  # as ``rewind`` leaves it
        jobs.submit("later")
        damaged = at_rest(path, tmp_path / "damaged.db")
        own = {event: row for event, row in events_of(path).items() if event != refused}
    assert len(own) == 6
    log = damaged.with_name("damaged.db-wal")
    content = bytearray(log.read_bytes())
    frames = range(32, len(content), PAGE + 24)
    of_replica = [at for at in frames if int.from_bytes(content[at : at + 4], "big") == page]
    for at in of_replica:
        content[at + 24 : at + 24 + PAGE] = bytes(PAGE)
    log.write_bytes(content)
    with closing(sqlite3.connect(at_rest(damaged, tmp_path / "as-sqlite-sees-it.db"))) as file:
        assert file.execute("select acked_seq from replica").fetchone() > (0,), "the row before that"
    report = salvage(damaged, tmp_path / "new.db")
    assert (report.bad_frames, report.acknowledged) == (len(of_replica), 0)
    assert events_of(tmp_path / "new.db") == own


def test_the_new_file_belongs_to_the_same_owner(server: Server, path: Path, tmp_path: Path) -> None:
    synced(path, server)
    salvage(path, tmp_path / "new.db")
    with (
        JobClient(tmp_path / "new.db", dsn=server.other_dsn) as jobs,
        pytest.raises(Conflict, match="belongs to app_alice"),
    ):
        jobs.sync()


def test_salvage_at_the_command_line(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = filled(path, 100)
    content = bytearray(path.read_bytes())
    page = max(next(iter(where)) for where in leaf_of_each_event(path).values())
    content[(page - 1) * PAGE : page * PAGE] = bytes(PAGE)
    path.write_bytes(content)
    new = tmp_path / "new.db"
    assert run(["salvage", str(path), "--into", str(new)]) == 0
    printed = capsys.readouterr().out.splitlines()
    saved = len(events_of(new))
    assert printed[0] == f"saved {saved} events; the server has 0 more, and sends them again"
    assert printed[1] == f"not found: the events numbered {saved + 1}-{len(events)}"
    assert printed[2].startswith("could not read 1 of ")
    assert printed[3] == f"{path} is as it was; now: jobledger sync --db {new}"
    assert run(["salvage", str(path), "--into", str(new)]) == 4
    assert capsys.readouterr().err.startswith("error: ")
    assert run(["salvage", str(path), "--into", str(tmp_path / "again.db"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(Salvage.__dataclass_fields__) <= set(report)
    assert report["missing"] == [[saved + 1, len(events)]]
