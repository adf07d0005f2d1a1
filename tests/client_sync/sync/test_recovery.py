"""Cuts, crashes, copies and restores between a file and a server. Nothing is lost, and nothing counts twice."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from databases import Database, new_database
from psycopg.conninfo import conninfo_to_dict
from stepwise import Server

from client_sync import JobClient
from client_sync.sync.result import SyncResult
from ledger.errors import LedgerError


def save_copy(source: Path, target: Path) -> None:
    """What a person does who copies a file, or a backup program: the whole file at one moment."""
    with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()


def notes(jobs: JobClient) -> list[str]:
    """What became of the file itself."""
    with jobs.transaction() as db:
        return [what for (what,) in db.execute("select what from replica_history order by n")]


@contextmanager
def restored(postgres_dsn: str, database: Database) -> Iterator[Server]:
    """The database as it is at this moment, for another server to go on from. Ends the sessions that it has."""
    name = conninfo_to_dict(database.dsn)["dbname"]
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %(name)s", {"name": name})
    with new_database(postgres_dsn, str(name)) as copy:
        yield Server(copy)


class Crash(Exception):
    """The process ends here."""


def test_p2_a_cut_connection_is_made_again(online: JobClient, server: Server) -> None:
    online.submit_many({"name": "a"} for _ in range(2500))
    cuts = iter([True, False, True])

    def cut(_: SyncResult) -> None:
        if next(cuts, False):
            server.cut_clients()

    assert online.sync(report=cut).pushed == 2500
    assert server.count("job.requested") == 2500
    assert online.unsent == 0


def test_p2_a_crash_between_batches_loses_and_repeats_nothing(online: JobClient, server: Server) -> None:
    online.submit_many({"name": "a"} for _ in range(1500))

    def crash(_: SyncResult) -> None:
        raise Crash

    with pytest.raises(Crash):
        online.sync(report=crash)
    assert online.unsent == 500
    assert online.sync().pushed == 500
    assert server.count("job.requested") == 1500


def test_p12_a_crash_between_pages_goes_on_behind_the_last_one_stored(
    online: JobClient, server: Server, tmp_path: Path
) -> None:
    online.submit_many({"name": "a"} for _ in range(300))
    online.sync()
    server.sequence()
    with JobClient(tmp_path / "second.db", dsn=server.dsn) as second:
        pulled = 0

        def crash(result: SyncResult) -> None:
            nonlocal pulled
            if pulled := result.pulled:
                raise Crash

        with pytest.raises(Crash):
            second.sync(report=crash)
        assert 0 < pulled < 300
        assert len(second.list(limit=1000)) == pulled
        assert second.sync().pulled == 300 - pulled
        assert len(second.list(limit=1000)) == 300


def test_p12_a_page_is_stored_whole_or_not_at_all(online: JobClient, server: Server, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        online.submit(name)
    online.sync()
    server.sequence()
    second_path = tmp_path / "second.db"
    with JobClient(second_path, dsn=server.dsn) as second:
        with second.transaction() as db:
            db.execute(
                """
                create trigger full before insert on events when new.seq = 3
                begin select raise(abort, 'the disk is full'); end"""
            )
        with pytest.raises(LedgerError, match="the disk is full"):
            second.sync()
        assert second.list() == []
        with second.transaction() as db:
            assert db.execute("select pulled_seq from replica").fetchone() == (0,)
            db.execute("drop trigger full")
        second.sync()
        assert [job.name for job in second.list()] == ["c", "b", "a"]


def test_a_copied_file_becomes_a_replica_of_its_own(
    online: JobClient, server: Server, path: Path, tmp_path: Path
) -> None:
    shared = online.submit("shared")
    online.sync()
    online.submit("in both, sent by neither")
    copy_path = tmp_path / "copy.db"
    save_copy(path, copy_path)
    online.submit("mine")
    with JobClient(copy_path, dsn=server.dsn) as copy:
        copy.submit("theirs")
        copy.submit("theirs too")

        assert online.sync() == SyncResult(pushed=2)
        assert copy.sync() == SyncResult(pushed=3, forked=True)
        assert copy.sync() == SyncResult()
        server.sequence()
        online.sync()
        copy.sync()
        names = sorted(str(job.name) for job in online.list())
        assert names == ["in both, sent by neither", "mine", "shared", "theirs", "theirs too"]
        assert online.list() == copy.list()
        assert "replica.forked" in notes(copy)
        assert "replica.forked" not in notes(online)
        assert server.count("job.requested") == 5

        copy.cancel(shared.id)
        assert copy.sync().pushed == 1, "it goes on under its new name"


def test_a_copy_of_a_copy_forks_again(online: JobClient, server: Server, path: Path, tmp_path: Path) -> None:
    online.submit("first")
    online.sync()
    clients = [online]
    for n in range(3):
        save_copy(path if n == 0 else tmp_path / f"{n - 1}.db", tmp_path / f"{n}.db")
        clients.append(JobClient(tmp_path / f"{n}.db", dsn=server.dsn))
    for round_ in range(2):
        for n, client in enumerate(clients):
            client.submit(f"{n}-{round_}")
        results = [client.sync() for client in clients]
        assert [result.forked for result in results] == [False, True, True, True] if round_ == 0 else [False] * 4
    server.sequence()
    for client in clients:
        client.sync()
    assert server.count("job.requested") == 9
    assert all(client.list() == online.list() for client in clients)
    for client in clients[1:]:
        client.close()


def test_a_file_restored_from_a_backup_finds_what_it_had_lost(server: Server, path: Path, tmp_path: Path) -> None:
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.submit("before")
        jobs.sync()
    shutil.copy(path, tmp_path / "backup")
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.submit("after the backup")
        jobs.sync()
        server.sequence()
    path.unlink()
    shutil.copy(tmp_path / "backup", path)
    with JobClient(path, dsn=server.dsn) as jobs:
        jobs.submit("after the restore")
        result = jobs.sync()
        assert (result.forked, result.pushed) == (True, 1)
        server.sequence()
        jobs.sync()
        assert sorted(str(job.name) for job in jobs.list()) == ["after the backup", "after the restore", "before"]
        assert {job.standing for job in jobs.list()} == {"synced"}


def test_a_server_that_lost_everything_is_sent_everything_again(
    path: Path, database: Database, postgres_dsn: str, template: str
) -> None:
    lost = Server(database)
    with JobClient(path, dsn=lost.dsn) as jobs:
        done = jobs.submit("count-words")
        jobs.sync()
        lost.complete("count-words", 17)
        jobs.sync()
        jobs.submit("another")
        jobs.sync()
        assert jobs.get(done.id).result == 17
    with new_database(postgres_dsn, template) as fresh, JobClient(path, dsn=(server := Server(fresh)).dsn) as jobs:
        assert jobs.sync() == SyncResult(pushed=2, rewound=True, new_epoch=True)
        assert [job.shown for job in jobs.list()] == ["accepted", "accepted"], "never more than the server knows"
        server.complete("count-words", 18)
        jobs.sync()
        assert jobs.get(done.id).result == 18
        assert jobs.list(name="another")[0].shown == "pending"
        assert notes(jobs)[-2:] == ["epoch.began", "replica.rewound"]


def test_a_server_restored_to_an_earlier_moment_is_sent_what_it_lacks(
    path: Path, database: Database, postgres_dsn: str
) -> None:
    lost = Server(database)
    with JobClient(path, dsn=lost.dsn) as jobs:
        kept = jobs.submit("kept")
        jobs.sync()
        lost.sequence()
        jobs.sync()
    with restored(postgres_dsn, database) as server:
        lost = Server(database)
        with JobClient(path, dsn=lost.dsn) as jobs:
            late = jobs.submit("late")
            jobs.sync()
            lost.complete("kept", "of the lost life")
            jobs.sync()
            assert [jobs.get(job.id).shown for job in (kept, late)] == ["completed", "pending"]
        with JobClient(path, dsn=server.dsn) as jobs:
            assert jobs.sync() == SyncResult(pushed=1, rewound=True, new_epoch=True)
            assert [jobs.get(job.id).shown for job in (kept, late)] == ["pending", "accepted"]
            types = [event.type for event in jobs.history(kept.id)]
            assert types.count("job.completed") == 1, "what the lost server said is kept as evidence"
            server.complete("kept", "again")
            jobs.sync()
            assert jobs.get(kept.id).result == "again"
            assert jobs.get(late.id).shown == "pending"
        server.check()


def test_a_new_epoch_changes_no_job(online: JobClient, server: Server) -> None:
    ids = online.submit_many({"name": "a"} for _ in range(200))
    waiting = online.submit("b")
    online.sync()
    server.complete("a", {"words": 17})
    online.sync()
    before = online.list(limit=500)
    assert {job.shown for job in before} == {"completed", "pending"}

    server.begin_life()
    server.sequence()
    seen: set[tuple[str, ...]] = set()

    def look(_: SyncResult) -> None:
        seen.add(tuple(sorted({job.status for job in online.list(limit=500)})))

    result = online.sync(report=look)
    assert (result.new_epoch, result.rewound, result.pulled) == (True, False, 0)
    assert seen == {("completed", "pending")}, "no job goes back to an earlier state on the way"
    assert online.list(limit=500) == before
    assert online.get(ids[0]).result == {"words": 17}
    assert online.get(waiting.id).standing == "synced"
    assert online.sync() == SyncResult()


def test_what_a_restored_server_no_longer_has_from_another_file_goes(
    path: Path, tmp_path: Path, database: Database, postgres_dsn: str
) -> None:
    Server(database)
    with restored(postgres_dsn, database) as server:
        lost = Server(database)
        with JobClient(tmp_path / "other.db", dsn=lost.dsn) as other:
            elsewhere = other.submit("elsewhere")
            other.sync()
            lost.sequence()
        with JobClient(path, dsn=lost.dsn) as jobs:
            jobs.sync()
            assert jobs.get(elsewhere.id).shown == "pending"
        with JobClient(path, dsn=server.dsn) as jobs:
            jobs.sync()
            with pytest.raises(LedgerError, match="no job"):
                jobs.get(elsewhere.id)
            assert len(jobs.history(elsewhere.id)) == 1, "the event is kept"
            with JobClient(tmp_path / "other.db", dsn=server.dsn) as other:
                assert other.sync().rewound, "its own file still has it"
            server.sequence()
            jobs.sync()
            assert jobs.get(elsewhere.id).shown == "pending"


def test_what_a_later_backup_still_had_comes_back(
    path: Path, database: Database, postgres_dsn: str, template: str
) -> None:
    whole = Server(database)
    with JobClient(path.with_name("other.db"), dsn=whole.dsn) as other:
        elsewhere = other.submit("elsewhere")
        other.sync()
        whole.sequence()
    with JobClient(path, dsn=whole.dsn) as jobs:
        jobs.sync()
        assert jobs.get(elsewhere.id).shown == "pending"
    with new_database(postgres_dsn, template) as empty, JobClient(path, dsn=Server(empty).dsn) as jobs:
        jobs.sync()
        assert jobs.list() == []
    with restored(postgres_dsn, database) as server, JobClient(path, dsn=server.dsn) as jobs:
        jobs.sync()
        assert jobs.get(elsewhere.id).shown == "pending"


def test_a_refusal_of_a_lost_server_is_validated_again(
    path: Path, database: Database, postgres_dsn: str, template: str
) -> None:
    lost = Server(database)
    with JobClient(path, dsn=lost.dsn) as jobs, JobClient(path.with_name("bob.db"), dsn=lost.other_dsn) as bob:
        taken = bob.submit("bobs")
        bob.sync()
        job = jobs.submit("mine", job_id=taken.id)
        jobs.submit("neighbour")
        assert jobs.sync().refused == 1
        assert jobs.get(job.id).shown == "refused"
    with new_database(postgres_dsn, template) as fresh, JobClient(path, dsn=Server(fresh).dsn) as jobs:
        assert jobs.sync() == SyncResult(pushed=2, rewound=True, new_epoch=True)
        assert jobs.get(job.id).shown == "accepted"
        assert jobs.refusals() == []


def test_p1_a_copy_that_came_first_to_a_restored_server_hides_no_loss(
    path: Path, tmp_path: Path, database: Database, postgres_dsn: str
) -> None:
    """The copy has used up the numbers of what was lost: that the server counts as far does not say that it has it."""
    Server(database)
    with JobClient(path) as jobs:
        jobs.submit("first")
        save_copy(path, tmp_path / "copy.db")
    with restored(postgres_dsn, database) as server:
        lost = Server(database)
        with JobClient(path, dsn=lost.dsn) as jobs:
            jobs.submit("acknowledged")
            assert jobs.sync().pushed == 2
        with JobClient(tmp_path / "copy.db", dsn=server.dsn) as copy:
            copy.submit("of the copy")
            copy.submit("of the copy too")
            copy.sync()
        with JobClient(path, dsn=server.dsn) as jobs:
            jobs.sync()
            server.sequence()
            jobs.sync()
            assert {job.standing for job in jobs.list()} == {"synced"}
            assert sorted(str(job.name) for job in jobs.list()) == [
                "acknowledged",
                "first",
                "of the copy",
                "of the copy too",
            ]
        assert server.count("job.requested") == 4


def test_p1_a_cut_between_a_fork_and_a_restore_hides_no_loss(
    path: Path, tmp_path: Path, database: Database, postgres_dsn: str
) -> None:
    """Under its new name the file has sent nothing yet, and what it had sent under the old one is gone."""
    Server(database)
    with restored(postgres_dsn, database) as server:
        lost = Server(database)
        with JobClient(path, dsn=lost.dsn) as jobs:
            jobs.submit("acknowledged")
            jobs.sync()
            save_copy(path, tmp_path / "copy.db")
            jobs.submit("gone with the file")
            jobs.sync()
        with JobClient(tmp_path / "copy.db", dsn=lost.dsn) as jobs:
            jobs.submit("after")

            def crash(result: SyncResult) -> None:
                if result.forked:
                    raise Crash

            with pytest.raises(Crash):
                jobs.sync(report=crash)
        with JobClient(tmp_path / "copy.db", dsn=server.dsn) as jobs:
            jobs.sync()
            server.sequence()
            jobs.sync()
            assert sorted((str(job.name), job.standing) for job in jobs.list()) == [
                ("acknowledged", "synced"),
                ("after", "synced"),
            ]
        assert server.count("job.requested") == 2


def test_a_refused_event_is_not_missed_in_a_new_epoch(
    online: JobClient, server: Server, plain: sqlite3.Connection
) -> None:
    online.submit("ok")
    plain.execute('insert into events (type, data) values (\'job.requested\', \'{"name": "p", "retry_of": "nobody"}\')')
    online.sync()
    server.sequence()
    online.sync()
    server.begin_life()
    server.sequence()
    assert online.sync().rewound is False, "the server has all that it ever took"
