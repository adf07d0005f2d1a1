"""What the catalog grants to a client is exactly the functions for clients; everything else is refused (P7, P11)."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from security.attacked_ledger import SECRET, AttackedLedger, value

RELATIONS = {"limits", "my_jobs"}
DOORS = {"hello", "push", "pull", "submit"}
READ_RELATIONS = """
    select c.relname as name from pg_class c
    where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and has_table_privilege('app_alice', c.oid, %(privilege)s)
"""


@pytest.mark.parametrize(
    ("privilege", "relations"),
    [("select", RELATIONS)] + [(p, set()) for p in ("insert", "update", "delete", "truncate", "references", "trigger")],
)
def test_p11_the_relations_that_a_client_has_a_right_on(
    attacked: AttackedLedger, privilege: str, relations: set[str]
) -> None:
    rows = attacked.owner.execute(READ_RELATIONS, {"privilege": privilege}).fetchall()
    assert {row["name"] for row in rows} == relations


@pytest.mark.parametrize("privilege", ["select", "insert", "update", "references"])
def test_p11_no_right_on_single_columns(attacked: AttackedLedger, privilege: str) -> None:
    rows = attacked.owner.execute(
        """
        select c.relname as name from pg_class c
        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
          and has_any_column_privilege('app_alice', c.oid, %(privilege)s)
        """,
        {"privilege": privilege},
    ).fetchall()
    assert {row["name"] for row in rows} == (RELATIONS if privilege == "select" else set())


def test_p11_the_functions_that_a_client_may_call(attacked: AttackedLedger) -> None:
    rows = attacked.owner.execute("""
        select p.proname as name from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace and has_function_privilege('app_alice', p.oid, 'execute')
    """).fetchall()
    assert sorted(row["name"] for row in rows) == sorted(DOORS)


def test_p11_no_right_on_sequences_or_to_create(attacked: AttackedLedger) -> None:
    granted = attacked.owner.execute("""
        select c.relname from pg_class c where c.relnamespace = 'ledger'::regnamespace
          and case when c.relkind = 'S' then has_sequence_privilege('app_alice', c.oid, 'usage, select, update') end
    """).fetchall()
    assert granted == []
    assert value(attacked.owner, "select has_schema_privilege('app_alice', 'ledger', 'create')") is False


def test_p11_rows_are_kept_apart_where_clients_have_rows(attacked: AttackedLedger) -> None:
    """Should a grant on one of these ever slip in, it shows nothing by itself."""
    guarded = attacked.owner.execute(
        "select relname from pg_class where relrowsecurity and relnamespace = 'ledger'::regnamespace"
    )
    assert {"events", "jobs", "log"} <= {row["relname"] for row in guarded}


def test_every_function_with_its_owners_rights_has_a_fixed_search_path(attacked: AttackedLedger) -> None:
    loose = attacked.owner.execute("""
        select p.proname from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace and p.prosecdef
          and not exists (select from unnest(p.proconfig) c where c ~ '^search_path=pg_catalog,.*pg_temp$')
    """).fetchall()
    assert loose == []


def test_views_keep_functions_of_their_readers_from_other_rows(attacked: AttackedLedger) -> None:
    open_views = attacked.owner.execute("""
        select c.relname from pg_class c
        where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'v'
          and not coalesce(c.reloptions @> array['security_barrier=true'], false)
    """).fetchall()
    assert open_views == []


ON_TABLES = [
    "select * from ledger.{}",
    "select count(*) from ledger.{}",
    "select 1 from ledger.{} for update",
    "select 1 from ledger.{} for key share",
    "table ledger.{}",
    "copy ledger.{} to stdout",
    "insert into ledger.{} default values",
    "delete from ledger.{}",
    "truncate ledger.{}",
    "lock table ledger.{} in access exclusive mode",
    "lock table ledger.{} in row exclusive mode",
    "lock table ledger.{} in access share mode",
    "alter table ledger.{} disable trigger all",
    "alter table ledger.{} owner to app_alice",
    "drop table ledger.{}",
    "create trigger t after insert on ledger.{} execute function suppress_redundant_updates_trigger()",
    "create rule r as on insert to ledger.{} do instead nothing",
    "create policy p on ledger.{} using (true)",
    "create index on ledger.{} ((1))",
    "create temp table t (like ledger.{})",
    "create temp table t () inherits (ledger.{})",
    "create temp view v as select * from ledger.{}; select * from v",
    "create statistics s on (1), (2) from ledger.{}",
    "comment on table ledger.{} is 'mine'",
    "grant all on ledger.{} to app_alice",
    "select query_to_xml('select * from ledger.{}', true, true, '')",
    "explain select * from ledger.{}",
    "cluster ledger.{}",
]


@pytest.mark.parametrize("attack", ON_TABLES)
def test_p7_p11_reaching_for_a_table(attacked: AttackedLedger, attack: str) -> None:
    session = attacked.alice
    with attacked.unchanged():
        for table in attacked.tables:
            if table in RELATIONS:
                continue
            session.autocommit = False
            with pytest.raises(InsufficientPrivilege) as refusal:
                session.execute(sql.SQL(attack).format(sql.Identifier(table)))
            session.rollback()
            session.autocommit = True
            assert SECRET not in str(refusal.value)


ON_WHAT_IS_READABLE = [
    "update ledger.limits set max_batch_events = 100000",
    "select 1 from ledger.limits for share",
    "lock table ledger.limits in row exclusive mode",
    "insert into ledger.my_jobs (name) values ('x')",
    "update ledger.my_jobs set status = 'completed'",
    "delete from ledger.my_jobs",
    "select 1 from ledger.my_jobs for update",
    "lock table ledger.my_jobs in access exclusive mode",
    "lock table ledger.my_jobs in row exclusive mode",
    "create or replace view ledger.my_jobs as select * from ledger.jobs",
    "alter view ledger.my_jobs set (security_barrier = false)",
]


@pytest.mark.parametrize("attack", ON_WHAT_IS_READABLE)
def test_p11_changing_or_locking_what_may_be_read(attacked: AttackedLedger, attack: str) -> None:
    attacked.alice.autocommit = False
    with attacked.unchanged(), pytest.raises((InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
        attacked.alice.execute(attack.encode())
    attacked.alice.rollback()


def test_p11_calling_a_function_that_is_no_door(attacked: AttackedLedger) -> None:
    functions = attacked.owner.execute("""
        select p.proname as name, array_to_string(array_fill('null'::text, array[p.pronargs]), ', ') as nulls
        from pg_proc p where p.pronamespace = 'ledger'::regnamespace
    """).fetchall()
    assert len(functions) > len(DOORS)
    with attacked.unchanged():
        for function in functions:
            if function["name"] not in DOORS:
                with pytest.raises(InsufficientPrivilege, match="permission denied for function"):
                    attacked.alice.execute(f"select ledger.{function['name']}({function['nulls']})".encode())


BECOMING = [
    "set role postgres", "set role ledger_processor", "set role ledger_operator", "set role app_bob",
    "set session authorization app_bob", "set session authorization postgres", "grant ledger_operator to app_alice",
    "alter role app_bob password 'mine'", "alter role app_alice superuser", "create role mallory", "drop role app_bob",
    "create extension dblink", "alter database postgres set search_path = evil", "load 'auto_explain'",
    "create function ledger.now() returns timestamptz language sql as 'select null::timestamptz'",
    "drop schema ledger cascade",
    "create schema pg_catalogue authorization app_bob",
    "create operator pg_catalog.= (leftarg = uuid, rightarg = uuid, function = uuid_ne)",
    "alter function ledger.push security invoker", "create event trigger e on ddl_command_start execute function f()",
    "reassign owned by app_bob to app_alice", "select pg_read_file('/etc/passwd')", "copy (select 1) to program 'true'",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'app_alice' and usename is not null",
]  # fmt: skip


@pytest.mark.parametrize("attack", BECOMING)
def test_p11_becoming_someone_else(attacked: AttackedLedger, attack: str) -> None:
    attacked.database.connect("app_bob")
    superuser = value(attacked.owner, "select current_user::text")
    with attacked.unchanged(), pytest.raises(psycopg.Error) as refusal:
        attacked.alice.execute(attack.replace("postgres", superuser).encode() if "role" in attack else attack.encode())
    assert refusal.value.sqlstate in ("42501", "22023", "42704", "58P01", "0A000", "42939", "42883")
