"""``jobledger init`` on a ledger of the version before, as typed."""

from __future__ import annotations

import json

import pytest
from catalogue import read_catalogue
from databases import Database

from jobledger.cli import run
from ledger.postgres.schema import VERSION, installed_version

Output = pytest.CaptureFixture[str]


def test_a_dry_run_shows_the_steps_and_what_each_locks_and_does_nothing(v1: Database, capsys: Output) -> None:
    owner = v1.connect()
    owner.execute("create view public.report as select * from ledger.jobs")
    before = read_catalogue(owner)
    assert run(["init", "--dry-run", "--dsn", v1.dsn]) == 0
    said = capsys.readouterr().out
    assert f"the database holds schema version 1; this jobledger brings {VERSION}\n" in said
    assert "0002_room_to_grow: What comes next has its place in the tables.\n  locks ledger.schema_version, led" in said
    assert "code: functions, triggers, views, policies and grants\n  locks ledger.events" in said
    assert "stays as it is: view public.report\n" in said
    assert run(["init", "--dry-run", "--json", "--dsn", v1.dsn]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [step["step"] for step in plan["steps"]] == [
            "0002_room_to_grow", "code", "0002_indexes", "0002_origin_of_old_jobs", "0002_rank_of_old_jobs",
        ]  # fmt: skip
    assert plan["others"] == ["view public.report"]
    assert read_catalogue(owner) == before


def test_init_upgrades_and_says_so(v1: Database, capsys: Output) -> None:
    assert run(["init", "--check", "--dsn", v1.dsn]) == 4
    assert "the database holds schema 1" in capsys.readouterr().err
    assert run(["init", "--dsn", v1.dsn]) == 0
    assert f"from schema version 1 to {VERSION}" in capsys.readouterr().out
    assert installed_version(v1.connect()) == VERSION
    assert run(["init", "--dry-run", "--dsn", v1.dsn]) == 0
    assert capsys.readouterr().out == f"the database holds schema version {VERSION}; this jobledger brings {VERSION}\n"
    assert run(["init", "--dsn", v1.dsn]) == 0
    assert f"schema version {VERSION} is in database" in capsys.readouterr().out
    assert run(["init", "--check", "--dsn", v1.dsn]) == 0


def test_init_of_a_login_that_may_not_upgrade_says_which_one_may(v1: Database, capsys: Output) -> None:
    assert run(["init", "--dsn", v1.dsn_as("operator")]) == 1
    said = capsys.readouterr().err.strip()
    assert f"belongs to {v1.connect().info.user}" in said
    assert "\n" not in said


def test_an_empty_database_has_no_steps(empty_database: Database, capsys: Output) -> None:
    assert run(["init", "--dry-run", "--dsn", empty_database.dsn]) == 0
    assert capsys.readouterr().out == f"there is no ledger: init installs schema version {VERSION}\n"
