"""P16: every version upgrades from the one before."""

from __future__ import annotations

import pytest
from catalogue import read_catalogue
from databases import Database

from ledger.errors import SchemaMismatch
from ledger.postgres.feed import verify
from ledger.postgres.rights import find_differences
from ledger.postgres.schema import VERSION, check, install, installed_version
from ledger.postgres.steps import read_steps
from ledger.postgres.upgrade import plan_upgrade, upgrade

EVERY_EVENT = """
    select e.txid, e.recorded_at, e.occurred_at, e.replica_seq, e.life, e.v, e.id, e.job_id, e.correlation_id,
           e.causation_id, e.replica_id, e.type, e.owner, e.actor, e.data::text, e.ctid::text
    from ledger.events e order by e.id
"""


def test_p16_an_upgraded_ledger_has_the_catalogue_of_a_new_one(v1: Database, database: Database) -> None:
    upgraded, fresh = v1.connect(), database.connect()
    assert installed_version(upgraded) == 1
    upgrade(upgraded)
    assert installed_version(upgraded) == VERSION == read_steps()[-1].number
    check(upgraded)
    there, wanted = read_catalogue(upgraded), read_catalogue(fresh)
    for kind, facts in wanted.items():
        assert there[kind] == facts, kind
    assert find_differences(upgraded) == []


def test_p7_p16_an_upgrade_rewrites_no_event(v1: Database) -> None:
    owner = v1.connect()
    before = owner.execute(EVERY_EVENT.encode()).fetchall()
    assert len(before) > 100
    upgrade(owner)
    assert owner.execute(EVERY_EVENT.encode()).fetchall() == before


def test_p16_what_it_adds_up_to_is_the_same_after_an_upgrade(v1: Database) -> None:
    owner = v1.connect()
    before = verify(owner)
    upgrade(owner)
    assert verify(owner) == before
    assert before.unsequenced > 0


def test_upgrading_again_changes_nothing(v1: Database) -> None:
    owner = v1.connect()
    assert [step.number for step in upgrade(owner).together] == [2, 0]
    before = read_catalogue(owner)
    assert upgrade(owner).steps == ()
    assert plan_upgrade(owner).steps == ()
    assert read_catalogue(owner) == before


def test_p16_an_older_schema_is_to_be_upgraded(v1: Database) -> None:
    owner = v1.connect()
    for action in (check, install):
        with pytest.raises(
            SchemaMismatch, match=f"the database holds schema 1; this jobledger knows {VERSION}"
        ) as refusal:
            action(owner)
        assert refusal.value.hint == "upgrade the schema: jobledger init"
