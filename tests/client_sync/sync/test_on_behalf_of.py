"""A service that keeps a file for each of its users, and syncs them all with one login."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from stepwise import Server

from client_sync import JobClient
from jobledger.verbs.sync import command as sync
from ledger.errors import SyncRefused

CAROL, DAVE = "carol@example.com", "dave@example.com"


def allow(server: Server, owner: str, may: bool = True) -> None:
    server.execute("select ledger.delegate('app_alice', %(owner)s, %(may)s)", owner=owner, may=may)


def test_each_user_has_a_file_and_sees_only_what_is_theirs(server: Server, tmp_path: Path) -> None:
    allow(server, CAROL)
    allow(server, DAVE)
    with (
        JobClient(tmp_path / "carol.db", server.dsn, on_behalf_of=CAROL) as carol,
        JobClient(tmp_path / "dave.db", server.dsn, on_behalf_of=DAVE) as dave,
    ):
        job = carol.submit("count-words")
        carol.sync()
        dave.sync()
        server.complete("count-words", 7)
        carol.start_sync()
        dave.sync()
        assert carol.wait(job.id, timeout=30).result == 7
        assert (carol.get(job.id).owner, dave.list()) == (CAROL, [])
        assert {(event.owner, event.actor) for event in carol.history(job.id)[:1]} == {(CAROL, "app_alice")}


def test_p11_a_login_that_may_not_is_refused_and_the_file_stays_nobodys(server: Server, path: Path) -> None:
    with JobClient(path, server.dsn, on_behalf_of=CAROL) as jobs:
        job = jobs.submit("count-words")
        with pytest.raises(SyncRefused, match="may not act on behalf of") as refusal:
            jobs.sync()
        assert refusal.value.code == "not_allowed"
        assert "jobledger grant client" in (refusal.value.hint or "")
        assert jobs.get(job.id).shown == "saved"
    with JobClient(path, server.dsn) as jobs:
        assert jobs.sync().pushed == 1
        assert jobs.get(job.id).owner == "app_alice"


def test_a_right_that_is_taken_away_pauses_and_given_back_resumes(server: Server, path: Path) -> None:
    allow(server, CAROL)
    with JobClient(path, server.dsn, on_behalf_of=CAROL) as jobs:
        jobs.sync()
        allow(server, CAROL, may=False)
        jobs.submit("count-words")
        with pytest.raises(SyncRefused):
            jobs.sync()
        allow(server, CAROL)
        assert jobs.sync().pushed == 1


def test_a_file_of_one_owner_is_not_sent_in_the_name_of_another(server: Server, path: Path) -> None:
    allow(server, CAROL)
    with JobClient(path, server.dsn) as jobs:
        jobs.sync()
    with JobClient(path, server.dsn, on_behalf_of=CAROL) as jobs:
        jobs.submit("count-words")
        with pytest.raises(SyncRefused, match=f"belongs to app_alice, and the session to {CAROL}"):
            jobs.sync()


def test_the_command_line_names_the_owner_too(server: Server, path: Path) -> None:
    allow(server, CAROL)
    with JobClient(path) as jobs:
        jobs.submit("count-words")
    done = CliRunner().invoke(
        sync, ["--db", str(path), "--dsn", server.dsn, "--on-behalf-of", CAROL, "--json"], catch_exceptions=False
    )
    assert json.loads(done.stdout)["pushed"] == 1
    assert server.value("select count(*) from ledger.replicas where owner = %(owner)s", owner=CAROL) == 1
