"""The rights as they were installed: what differs is found, and ``jobledger init`` mends it."""

from __future__ import annotations

import pytest
from databases import Database
from ledger_calls import push_jobs, sequence
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from ledger.errors import Conflict, LedgerError
from ledger.postgres import rights
from ledger.postgres.rights import find_differences, mend

SPOILT = {
    "grant on a table": "revoke select on ledger.log from ledger_auditor",
    "all grants on tables": "revoke all on all tables in schema ledger from ledger_client, ledger_auditor",
    "usage of the schema": "revoke usage on schema ledger from ledger_processor",
    "grant on a door": "revoke execute on function ledger.pull from ledger_client",
    "functions open to all": "grant execute on all functions in schema ledger to public",
    "a table open to clients": "grant insert on ledger.events to ledger_client",
    "a column open to all": "grant select (name) on ledger.jobs to public",
    "a sequence open to clients": "grant usage on sequence ledger.processors_number_seq to ledger_client",
    "row-level security off": "alter table ledger.events disable row level security",
    "policy gone": "drop policy readers_see_all on ledger.log",
    "policy changed": "alter policy readers_see_all on ledger.log using (false)",
    "policy that names a group": "alter policy readers_see_all on ledger.log to ledger_operator",
    "policy too many": "create policy all_see_all on ledger.jobs for select using (true)",
    "statistics of others' jobs": "alter table ledger.jobs alter name set statistics 100",
    "trigger off": "alter table ledger.events disable trigger events_are_append_only",
    "view without its barrier": "alter view ledger.my_jobs reset (security_barrier)",
    "a door with its caller's rights": "alter function ledger.pull security invoker",
    "a door without its search path": "alter function ledger.push reset search_path",
    "a door with settings too many": "alter function ledger.push set work_mem to '1GB'",
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_what_was_changed_is_found_and_mended(database: Database, case: str) -> None:
    owner = database.connect()
    assert find_differences(owner) == []
    owner.execute(SPOILT[case].encode())
    found = find_differences(owner)
    assert found
    assert mend(owner) == found
    assert find_differences(owner) == []
    assert mend(owner) == []


def test_a_group_with_powers_of_its_own(database: Database) -> None:
    owner = database.connect()
    owner.execute("alter role ledger_auditor createdb; grant pg_read_all_data to ledger_auditor")
    try:
        assert {str(difference) for difference in find_differences(owner)} == {
            "missing: ledger_auditor is a group without powers of its own",
            "too much: ledger_auditor is in pg_read_all_data",
        }
        mend(owner)
        assert find_differences(owner) == []
    finally:
        owner.execute("alter role ledger_auditor nocreatedb; revoke pg_read_all_data from ledger_auditor")


def test_after_mending_everybody_may_do_what_they_could(database: Database) -> None:
    owner, alice, auditor = database.connect(), database.connect("app_alice"), database.connect("auditor")
    owner.execute(SPOILT["all grants on tables"].encode())
    with pytest.raises(InsufficientPrivilege):
        auditor.execute("select from ledger.log")
    mend(owner)
    push_jobs(alice, 1)
    sequence(database.connect("worker"))
    assert len(auditor.execute("select * from ledger.log join ledger.events on id = event_id").fetchall()) == 1
    assert len(alice.execute("select * from ledger.my_jobs").fetchall()) == 1


def test_what_no_statement_mends_is_named_and_everything_left_as_it_was(database: Database) -> None:
    owner = database.connect()
    owner.execute("alter table ledger.queue owner to operator; revoke select on ledger.log from ledger_auditor")
    with pytest.raises(LedgerError, match=r"table ledger\.queue belongs to the owner") as refusal:
        mend(owner)
    assert refusal.value.hint == "see all of them: jobledger doctor"
    assert len(find_differences(owner)) == 2
    owner.execute(sql.SQL("alter table ledger.queue owner to {}").format(sql.Identifier(owner.info.user)))


def test_rights_are_mended_by_the_owner_only(database: Database) -> None:
    database.connect().execute("revoke select on ledger.log from ledger_auditor")
    with pytest.raises(LedgerError, match="may not mend"):
        mend(database.connect("operator"))


def test_whoever_was_granted_a_table_by_mistake_gets_an_error_and_not_an_empty_answer(database: Database) -> None:
    owner, alice = database.connect(), database.connect("app_alice")
    push_jobs(alice, 1)
    sequence(owner)
    owner.execute("grant select on all tables in schema ledger to app_alice")
    for table in ("events", "log", "jobs"):
        with pytest.raises(InsufficientPrivilege, match="read_all"):
            alice.execute(sql.SQL("select * from ledger.{}").format(sql.Identifier(table)))


def test_row_level_security_is_on_where_rows_have_owners_whom_readers_see(database: Database) -> None:
    rows = database.connect().execute("""
        select relname::text from pg_class where relnamespace = 'ledger'::regnamespace and relrowsecurity order by 1
    """)
    assert [row["relname"] for row in rows] == ["events", "jobs", "log"]


def test_no_stranger_holds_the_lock_for_changing_rights(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "LOCK_TIMEOUT", "100ms")
    spoilt, owner = SPOILT["grant on a table"].encode(), database.connect()
    owner.execute(spoilt)
    for login in ("auditor", "operator", "worker"):
        stranger = database.connect(login, autocommit=False)
        stranger.execute("lock table ledger.schema_version in access share mode")
    assert mend(owner)
    other = database.connect(autocommit=False)
    rights.lock_rights(other)
    owner.execute(spoilt)
    with pytest.raises(Conflict, match="longer than 100ms"):
        mend(owner)
    other.rollback()
    assert mend(owner)
