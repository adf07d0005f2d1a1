"""Reading what is Bob's: through what clients call, its errors, plans and messages, and through the one view (P11)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from ledger_calls import Draft
from security.attacked_ledger import ALICE, BOB, SECRET, AttackedLedger, value, with_text

from ledger.model.ids import new_id
from ledger.model.protocol import Accepted

PULLS = [
    "select * from ledger.pull(0)",
    "select * from ledger.pull(-9223372036854775808)",
    "select * from ledger.pull(0, null, 2147483647)",
    "select * from ledger.pull(0, null, null)",
    "select * from ledger.pull(0, null, 0)",
    "select * from ledger.pull(0, null, -1)",
    "select * from ledger.pull(null)",
    "select * from ledger.pull(9223372036854775807)",
    "select * from ledger.pull(0, gen_random_uuid())",
]


@pytest.mark.parametrize("query", PULLS)
def test_p11_pulling_with_strange_arguments(attacked: AttackedLedger, query: str) -> None:
    rows = attacked.alice.execute(query.encode()).fetchall()
    assert {row["owner"] for row in rows} <= {ALICE, None}
    assert SECRET not in str(rows)
    assert rows[0]["upto_seq"] is not None or "pull(null" in query


def leaky(attacked: AttackedLedger) -> None:
    """A cheap function and operator of Alice's that report every value they get."""
    attacked.owner.execute("create schema evil authorization app_alice")
    attacked.alice.execute("""
        create function evil.leak(text) returns boolean language plpgsql cost 0.0000001 as
            $$ begin raise notice 'leaked %', $1; return true; end $$;
        create function evil.leak(text, text) returns boolean language plpgsql cost 0.0000001 as
            $$ begin raise notice 'leaked %', $1; return true; end $$;
        create operator evil.<<< (leftarg = text, rightarg = text, function = evil.leak);
    """)


LEAKS = [
    "select * from ledger.my_jobs where evil.leak(name)",
    "select * from ledger.my_jobs where name operator(evil.<<<) 'x'",
    "select * from ledger.my_jobs where evil.leak(name) and job_id is not null order by evil.leak(name)",
    "select count(*) filter (where evil.leak(name)) from ledger.my_jobs",
    "select 1 from ledger.my_jobs where name::integer = 1",
    "select 1 from ledger.my_jobs where 1 / (length(name) - 11) = 7 or evil.leak(name)",
    "select 1 from ledger.my_jobs a join (values ('x')) b (n) on a.name operator(evil.<<<) b.n",
    "explain (analyze, verbose) select * from ledger.my_jobs where evil.leak(name)",
]


@pytest.mark.parametrize("query", LEAKS)
@pytest.mark.parametrize("scan", ["on", "off"])
def test_p11_a_leaky_function_in_a_condition_on_the_view(attacked: AttackedLedger, query: str, scan: str) -> None:
    leaky(attacked)
    seen: list[str] = []
    attacked.alice.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    attacked.alice.execute(f"set enable_indexscan = {scan}; set enable_bitmapscan = {scan}".encode())
    with attacked.unchanged():
        try:
            seen.append(str(attacked.alice.execute(query.encode()).fetchall()))
        except psycopg.Error as error:
            seen.append(str(error))
    assert seen
    assert SECRET not in " ".join(seen)


EXPLAINS = [
    "explain (verbose, costs off) select ledger.push(null, 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    "explain (analyze, verbose, buffers) select * from ledger.pull(0)",
    "explain (verbose) select ledger.submit('x')",
]


@pytest.mark.parametrize("query", EXPLAINS)
def test_p11_explain_shows_nothing_of_what_a_door_does(attacked: AttackedLedger, query: str) -> None:
    with attacked.unchanged():
        plan = str(attacked.alice.execute(query.encode()).fetchall())
    for inside in ("ledger.events", "ledger.log", "ledger.jobs", "session_user", SECRET):
        assert inside not in plan


@pytest.mark.parametrize("setting", ["debug_print_plan", "debug_print_parse", "debug_print_rewritten", "trace_notify"])
def test_p11_talkative_settings_show_nothing_of_bobs(attacked: AttackedLedger, setting: str) -> None:
    seen: list[str] = []
    attacked.alice.add_notice_handler(
        lambda notice: seen.append(str(notice.message_primary) + str(notice.message_detail))
    )
    attacked.alice.execute(f"set client_min_messages = debug5; set {setting} = on".encode())
    with attacked.only_alices():
        attacked.refused(
            Draft(id=attacked.bobs_request.id), Draft("job.cancel_requested", "{}", str(attacked.bobs_job))
        )
        attacked.alice.execute("select * from ledger.pull(0)").fetchall()
    assert SECRET not in " ".join(seen)
    assert BOB not in " ".join(seen)


@pytest.mark.parametrize("field", ["id", "job_id", "occurred_at", "correlation_id", "causation_id", "type", "data"])
def test_p11_refusals_quote_only_what_was_sent(attacked: AttackedLedger, field: str) -> None:
    for text in ("x" * 50, attacked.bobs_request.id, attacked.bobs_request.job_id, str(attacked.bobs_replica)):
        with attacked.only_alices():
            reply = attacked.push(new_id(), 0, with_text(field, text))
            assert isinstance(reply, Accepted)
            assert SECRET not in str(reply)
            assert BOB not in str(reply)


CATALOG = [
    "select * from pg_stats where schemaname = 'ledger'",
    "select * from pg_statistic",
    "select * from pg_stat_activity where usename is distinct from 'app_alice'",
    "select * from pg_stat_statements",
    "select * from pg_prepared_statements",
    "select lo_get(oid) from pg_largeobject_metadata",
    "select * from pg_authid",
    "select database_to_xml(true, true, '')",
    "select schema_to_xml('ledger', true, true, '')",
    "select get_raw_page('ledger.events', 0)",
    "select pg_ls_waldir()",
    "select currval('ledger.processors_number_seq')",
]


@pytest.mark.parametrize("query", CATALOG)
def test_p11_looking_behind_the_scenes(attacked: AttackedLedger, query: str) -> None:
    attacked.owner.execute("analyze ledger.jobs, ledger.events")
    attacked.database.connect(BOB).execute("select %(secret)s::text", {"secret": SECRET})
    rows: list[Any] = []
    with attacked.unchanged(), suppress(psycopg.Error):
        rows = attacked.alice.execute(query.encode()).fetchall()
    assert SECRET not in str(rows)
    assert "ledger.jobs" not in str([row for row in rows if "most_common_vals" in row])


def test_p11_whose_job_it_is_looks_like_a_refusal(attacked: AttackedLedger) -> None:
    """Bob's id and Alice's own used id are refused in the same words."""
    other = Draft()
    attacked.refused(other)
    replies = [attacked.push(new_id(), 0, Draft(job_id=job)) for job in (other.job_id, attacked.bobs_request.job_id)]
    details = {json.dumps([r.detail for r in reply.refused]) for reply in replies if isinstance(reply, Accepted)}
    assert len(details) == 1
    assert value(attacked.owner, "select count(*) from ledger.jobs where owner = %(bob)s", bob=BOB) == 1
