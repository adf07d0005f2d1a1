"""Names that shadow the ledger's own: no function of Alice's ever runs with the rights of the ledger's owner."""

from __future__ import annotations

import pytest
from ledger_calls import Draft
from security.attacked_ledger import ALICE, AttackedLedger, value

SHADOWS = """
    create table evil.caught (who text, me text);
    grant all on evil.caught to public;
    grant usage on schema evil to public;
    create function evil.catch() returns void language sql volatile as
        $$ insert into evil.caught values (current_user, session_user) $$;
    create function evil.now() returns timestamptz language plpgsql as
        $$ begin perform evil.catch(); return '1999-01-01'; end $$;
    create function evil.clock_timestamp() returns timestamptz language plpgsql as
        $$ begin perform evil.catch(); return '1999-01-01'; end $$;
    create function evil.pg_notify(text, text) returns void language sql as $$ select evil.catch() $$;
    create function evil.format(text, variadic text[]) returns text language plpgsql as
        $$ begin perform evil.catch(); return ''; end $$;
    create function evil.gen_random_uuid() returns uuid language plpgsql as
        $$ begin perform evil.catch(); return '00000000-0000-0000-0000-000000000000'; end $$;
    create function evil.octet_length(text) returns integer language plpgsql as
        $$ begin perform evil.catch(); return 0; end $$;
    create function evil.json_build_object(variadic text[]) returns json language plpgsql as
        $$ begin perform evil.catch(); return '{}'; end $$;
    create function evil.current_setting(text) returns text language plpgsql as
        $$ begin perform evil.catch(); return 'read committed'; end $$;
    create function evil.cardinality(text[]) returns integer language plpgsql as
        $$ begin perform evil.catch(); return 1; end $$;
    create function evil.judge(text, integer, text) returns text language plpgsql as
        $$ begin perform evil.catch(); return null; end $$;
    create function evil.same(text, text) returns boolean language plpgsql as
        $$ begin perform evil.catch(); return true; end $$;
    create operator evil.= (leftarg = text, rightarg = text, function = evil.same);
    create operator evil.<> (leftarg = text, rightarg = text, function = evil.same);
    create operator evil.~ (leftarg = text, rightarg = text, function = evil.same);
    create function evil.same(uuid, uuid) returns boolean language plpgsql as
        $$ begin perform evil.catch(); return true; end $$;
    create operator evil.= (leftarg = uuid, rightarg = uuid, function = evil.same);
    create domain evil.json as text check (evil.same(value, value));
    create domain evil.uuid as text check (evil.same(value, value));
    create domain evil.text as pg_catalog.text check (evil.same(value, value));
    create table evil.events (like evil.caught);
    create table evil.limits (max_event_bytes integer);
    create temp table events (id uuid, owner text);
    create temp table limits (max_event_bytes integer);
    create temp table replicas (replica_id uuid, owner text, head bigint);
    create temp table sequencer (last_seq bigint);
    create temp table pg_class (oid oid);
    create function pg_temp.now() returns timestamptz language plpgsql as
        $$ begin perform evil.catch(); return '1999-01-01'; end $$;
    create domain pg_temp.json as text check (evil.same(value, value));
"""
PATHS = [
    "evil",
    "evil, pg_catalog",
    "evil, ledger, pg_catalog",
    "pg_temp, evil, pg_catalog",
    "pg_temp, pg_catalog",
    "''",
]
QUALIFIED_PUSH = """
    select ledger.push(pg_catalog.gen_random_uuid(), 0,
        array[%(id)s]::pg_catalog.text[], array[%(job)s]::pg_catalog.text[],
        array['job.requested']::pg_catalog.text[], array[1], array['2026-01-01T00:00:00Z']::pg_catalog.text[],
        array[null]::pg_catalog.text[], array[null]::pg_catalog.text[], array['{"name": "x"}']::pg_catalog.text[])
"""


def prepare(attacked: AttackedLedger) -> None:
    """Give Alice more than a client should have: a schema of her own, first in her search path."""
    attacked.owner.execute("create schema evil authorization app_alice")
    attacked.alice.execute(SHADOWS.encode())


@pytest.mark.parametrize("path", PATHS)
def test_p11_shadowing_what_clients_call(attacked: AttackedLedger, path: str) -> None:
    prepare(attacked)
    draft = Draft()
    with attacked.only_alices():
        attacked.alice.execute(f"set search_path = {path}".encode())
        attacked.alice.execute(QUALIFIED_PUSH, {"id": draft.id, "job": draft.job_id})
        attacked.alice.execute("select ledger.submit('x', run_at => '2026-01-01T00:00:00Z'::pg_catalog.timestamptz)")
        attacked.alice.execute("select upto_seq from ledger.pull(0)")
        attacked.alice.execute("select job_id from ledger.my_jobs")
    caught = attacked.owner.execute("select distinct who from evil.caught").fetchall()
    assert [row for row in caught if row["who"] != ALICE] == []


@pytest.mark.parametrize("path", PATHS)
def test_p11_shadowing_what_clients_call_before_they_are_first_called(attacked: AttackedLedger, path: str) -> None:
    """The texts of the functions are read at the first call of a session: its path then must not matter either."""
    prepare(attacked)
    session = attacked.database.connect(ALICE)
    with attacked.only_alices():
        session.execute(f"set search_path = {path}".encode())
        draft = Draft()
        session.execute(QUALIFIED_PUSH, {"id": draft.id, "job": draft.job_id})
        session.execute("select ledger.submit('x')")
    assert value(attacked.owner, "select count(*) from evil.caught where who <> 'app_alice'") == 0


def test_p11_an_argument_of_a_type_with_a_cast_of_alices(attacked: AttackedLedger) -> None:
    """The cast runs before the door is entered, as Alice."""
    prepare(attacked)
    attacked.alice.execute("""
        create type evil.trick as (x integer);
        create function evil.to_text(evil.trick) returns text language plpgsql as
            $$ begin perform evil.catch(); return 'x'; end $$;
        create cast (evil.trick as text) with function evil.to_text(evil.trick) as implicit;
    """)
    with attacked.only_alices():
        attacked.alice.execute("select ledger.submit(row(1)::evil.trick)")
    assert attacked.owner.execute("select distinct who from evil.caught").fetchall() == [{"who": ALICE}]


def test_p11_a_trigger_and_a_deferred_check_of_alices_run_as_alice(attacked: AttackedLedger) -> None:
    prepare(attacked)
    attacked.alice.execute("""
        create function evil.on_row() returns trigger language plpgsql as
            $$ begin perform evil.catch(); perform ledger.submit('from a trigger'); return null; end $$;
        create constraint trigger late after insert on evil.limits deferrable initially deferred
            for each row execute function evil.on_row();
    """)
    with attacked.only_alices():
        attacked.alice.execute("begin; insert into evil.limits values (1); select ledger.submit('x'); commit")
    assert attacked.owner.execute("select distinct who from evil.caught").fetchall() == [{"who": ALICE}]
