"""Settings that a client may change: no door behaves differently, or the call fails and nothing is written."""

from __future__ import annotations

import json

import psycopg
import pytest
from ledger_calls import Draft, push
from security.attacked_ledger import ALICE, AttackedLedger, value

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted

REFUSED = [
    "session_replication_role = replica", "session_preload_libraries = 'x'", "zero_damaged_pages = on",
    "allow_system_table_mods = on", "ignore_system_indexes = on", "log_statement = 'none'", "max_stack_depth = '1GB'",
    "plpgsql.variable_conflict = use_column", "session_authorization = app_bob", "role = ledger_operator",
    "fsync = off", "temp_file_limit = -1",
]  # fmt: skip


@pytest.mark.parametrize("setting", REFUSED)
def test_p11_settings_that_postgres_keeps_from_clients(attacked: AttackedLedger, setting: str) -> None:
    with attacked.unchanged(), pytest.raises(psycopg.Error):
        attacked.alice.execute(f"set {setting}".encode())


HARMLESS = [
    "row_security = off", "timezone = 'Pacific/Kiritimati'", "timezone = '-15:59'", "datestyle = 'SQL, DMY'",
    "datestyle = 'German, YMD'", "intervalstyle = 'sql_standard'", "bytea_output = 'escape'", "lc_numeric = 'C'",
    "extra_float_digits = -15", "standard_conforming_strings = off", "escape_string_warning = off",
    "backslash_quote = on", "transform_null_equals = on", "quote_all_identifiers = on",
    "xmloption = document", "check_function_bodies = off", "default_transaction_deferrable = on", "work_mem = '64kB'",
    "plan_cache_mode = force_generic_plan", "plan_cache_mode = force_custom_plan", "enable_nestloop = off",
    "enable_indexscan = off", "jit_above_cost = 0", "constraint_exclusion = on", "synchronous_commit = off",
    "lock_timeout = '1h'", "role = ledger_client", "search_path = ''", "client_encoding = 'UTF8'",
    "session ledger.owner = 'app_bob'", "session ledger.actor = 'app_bob'", "application_name = 'app_bob'",
]  # fmt: skip
FAILING = [
    "default_transaction_isolation = serializable", "default_transaction_isolation = 'repeatable read'",
    "default_transaction_read_only = on", "statement_timeout = '1ms'",
]  # fmt: skip


def use_what_a_client_may(attacked: AttackedLedger, setting: str) -> None:
    """One push and one submit with times and backslashes, from a session that has called nothing before."""
    session = attacked.database.connect(ALICE)
    draft = Draft(
        data='{"name": "a\\\\b\\u00e9", "run_at": "2026-02-03T04:05:06.789+05:30", "params": {"n": [null, "\\""]}}'
    )
    session.execute(f"set {setting}".encode())
    reply = push(
        session, new_id(), 0, [draft, Draft("job.completed", "{}"), Draft(data='{"name": "x", "run_at": "03/02/2026"}')]
    )
    assert isinstance(reply, Accepted)
    assert [r.code for r in reply.refused] == ["not_allowed", "invalid"]
    assert (
        value(attacked.owner, "select data::text from ledger.events where id = %(id)s::uuid", id=draft.id) == draft.data
    )
    job = value(session, "select ledger.submit('x', run_at => '2026-02-03T04:05:06Z'::timestamptz)")
    text = value(attacked.owner, "select data::text from ledger.events where job_id = %(job)s", job=job)
    assert json.loads(text)["run_at"] == "2026-02-03T04:05:06.000000Z"
    pulled = session.execute("select owner from ledger.pull(0)").fetchall()
    assert {row["owner"] for row in pulled} == {ALICE}
    assert {row["name"] for row in session.execute("select name from ledger.my_jobs")} == {"noop"}


@pytest.mark.parametrize("setting", HARMLESS)
def test_p11_settings_that_change_nothing(attacked: AttackedLedger, setting: str) -> None:
    with attacked.only_alices():
        use_what_a_client_may(attacked, setting)


@pytest.mark.parametrize("setting", FAILING)
def test_p11_settings_with_which_nothing_is_written(attacked: AttackedLedger, setting: str) -> None:
    session = attacked.database.connect(ALICE)
    session.execute(f"set {setting}".encode())
    drafts = [Draft() for _ in range(2000)]  # more than a millisecond's work
    with attacked.only_alices(), pytest.raises(psycopg.Error):
        push(session, new_id(), 0, drafts)


def test_p11_every_switch_that_a_client_may_set(attacked: AttackedLedger) -> None:
    """All of Postgres' own, found in its list: whatever the switch does, only Alice's own events are added."""
    switches = attacked.owner.execute("""
        select name, case setting when 'on' then 'off' else 'on' end as other from pg_settings
        where context = 'user' and vartype = 'bool' and name not like '%transaction_read_only'
          and name <> 'transaction_deferrable'  -- belongs to a transaction that has just begun
          and name <> 'array_nulls'  -- changes what the arguments say, before a door is reached
        union all
        select s.name, x.other from pg_settings s, unnest(s.enumvals) x (other)
        where s.context = 'user' and s.vartype = 'enum' and x.other <> s.setting
          and s.name not like '%transaction_isolation'
    """).fetchall()
    assert len(switches) > 50
    with attacked.only_alices():
        for switch in switches:
            with attacked.database.connect(ALICE) as session:
                session.execute("select set_config(%(name)s, %(other)s, false)", switch)
                draft = Draft()
                reply = push(session, new_id(), 0, [draft, Draft("job.completed")])
                assert isinstance(reply, Accepted), switch
                assert [r.code for r in reply.refused] == ["not_allowed"], switch


def test_p11_isolation_set_within_a_transaction(attacked: AttackedLedger) -> None:
    for level in ("repeatable read", "serializable"):
        with attacked.unchanged(), pytest.raises(psycopg.errors.InvalidTransactionState):
            attacked.alice.execute(f"begin isolation level {level}; select ledger.submit('x')".encode())
        attacked.alice.execute("rollback")
