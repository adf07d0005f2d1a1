"""P7: the log is append-only for every role, by grants and by triggers."""

from __future__ import annotations

import psycopg
import pytest
from databases import Database
from ledger_calls import Draft, push, sequence

from ledger.model.ids import new_id

CHANGES = [
    "update ledger.{table} set owner = 'mallory'",
    "delete from ledger.{table}",
    "truncate ledger.{table}",
    "insert into ledger.{table} select * from ledger.{table}",
]


@pytest.mark.parametrize("table", ["events", "log", "refusals"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["app_alice", "worker", "auditor", "operator", None])
def test_p7_no_role_changes_what_was_written(database: Database, role: str | None, change: str, table: str) -> None:
    alice, owner = database.connect("app_alice"), database.connect()
    push(alice, new_id(), 0, [Draft(), Draft(type="job.completed")])
    sequence(owner)
    content = f"select md5(string_agg(t::text, '' order by t::text)) as content from ledger.{table} t"  # noqa: S608  a fixed name
    before = owner.execute(content).fetchone()
    # the owner of the tables may insert, but nothing twice
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation)):
        database.connect(role).execute(change.format(table=table))
    assert owner.execute(content).fetchone() == before
