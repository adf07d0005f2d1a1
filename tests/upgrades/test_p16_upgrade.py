"""P16: every version upgrades from the one before."""

from __future__ import annotations

import json
import threading

import pytest
from catalogue import read_catalogue
from databases import Database
from old_version import count_events

from ledger.errors import SchemaMismatch
from ledger.model.ids import new_id
from ledger.postgres.feed import verify
from ledger.postgres.rights import find_differences
from ledger.postgres.schema import VERSION, check, install, installed_version
from ledger.postgres.steps import read_steps
from ledger.postgres.upgrade import upgrade
from ledger.postgres.upgrade_plan import plan_upgrade

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
    before = count_events(owner)
    upgrade(owner)
    assert verify(owner) == before
    assert before.unsequenced > 0


BELONGS = """
    select j.job_id, j.parent, j.retry_of, j.correlation_id, j.labels from ledger.jobs j
    where j.parent is not null or j.retry_of is not null or j.correlation_id is not null or j.labels is not null
"""


def test_p16_jobs_from_before_know_where_they_belong(v1: Database) -> None:
    owner = v1.connect()
    parent, correlation = new_id(), new_id()
    told = json.dumps({"name": "square", "parent": str(parent), "labels": {"colour": "red"}})
    new, plain = new_id(), new_id()
    owner.execute(
        """insert into ledger.events
               (id, job_id, type, v, owner, actor, occurred_at, recorded_at, correlation_id, life, data)
           select e.id, e.id, 'job.requested', 1, 'app_alice', 'app_alice', now(), now(), e.correlation,
                  ledger.current_life(), e.data::json
           from (values (%(new)s::uuid, %(correlation)s::uuid, %(told)s), (%(plain)s, null, '{"name": "square"}'))
               e (id, correlation, data)""",
        {"new": new, "plain": plain, "correlation": correlation, "told": told},
    )
    owner.execute("select ledger.ensure_life()")
    owner.execute("select ledger.sequence()")
    upgrade(owner)
    assert owner.execute(BELONGS.encode() + b" and j.job_id >= %(new)s", {"new": new}).fetchall() == [
        {"job_id": new, "parent": parent, "retry_of": None, "correlation_id": correlation, "labels": {"colour": "red"}}
    ]
    assert verify(owner).unsequenced == 0


def test_p16_jobs_that_waited_before_have_a_rank_and_a_reason(v1: Database) -> None:
    owner = v1.connect()
    upgrade(owner)
    rows = owner.execute(
        "select q.run_at is null as ready, q.reason, q.rank = q.seq as ranked from ledger.queue q"
    ).fetchall()
    assert {(row["ready"], row["reason"]) for row in rows} >= {(True, None), (False, "due"), (False, "retrying")}
    assert all(row["ranked"] for row in rows)
    assert all((row["reason"] is None) == row["ready"] for row in rows)


def test_p16_what_was_interrupted_is_finished_by_the_next_upgrade(v1: Database, database: Database) -> None:
    owner = v1.connect()

    class Stopped(Exception):
        pass

    def stop(_step: object) -> None:
        raise Stopped

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ledger.postgres.upgrade._run_concurrently", lambda _connection, step, _patience_s: stop(step))
        with pytest.raises(Stopped):
            upgrade(owner)
    assert installed_version(owner) == VERSION
    check(owner)  # the ledger is at work meanwhile
    left = [step.name for step in plan_upgrade(owner).steps]
    assert left == [step.name for step in read_steps() if step.comes_after]
    owner.execute("create index jobs_by_parent on ledger.jobs (parent)")  # as a server leaves it that was killed
    owner.execute("update pg_index set indisvalid = false where indexrelid = 'ledger.jobs_by_parent'::regclass")
    upgrade(owner)
    assert plan_upgrade(owner).steps == ()
    there, wanted = read_catalogue(owner), read_catalogue(database.connect())
    assert there == wanted


def test_two_upgrades_at_once_both_succeed(v1: Database, database: Database) -> None:
    failed: list[BaseException] = []

    def upgrade_too() -> None:
        try:
            upgrade(v1.connect())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=upgrade_too) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert read_catalogue(v1.connect()) == read_catalogue(database.connect())


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
