"""What ``jobledger doctor`` says of rights, of logins with too much power, and of transactions without a session."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from databases import Database, place_for_servers
from psycopg import Connection, sql
from psycopg.rows import DictRow

from jobledger.admin.doctor import examine_server
from jobledger.admin.doctor_rights import examine_rights, explain_refusal
from jobledger.embedded import temporary_postgres
from ledger.finding import Finding
from ledger.postgres.database import connect
from ledger.postgres.schema import install


def found(connection: Connection[DictRow], check: str) -> list[Finding]:
    return [finding for finding in examine_rights(connection) if finding.check == check]


def test_rights_as_they_were_installed_are_fine(database: Database) -> None:
    for login in (None, "auditor", "operator", "worker"):
        assert [finding.level for finding in found(database.connect(login), "rights")] == ["ok"]


def test_rights_that_differ_are_reported_with_what_mends_them(database: Database) -> None:
    database.connect().execute("""
        revoke select on ledger.tally from ledger_auditor;
        grant insert on ledger.events to public;
        alter table ledger.queue owner to operator
    """)
    [finding] = found(database.connect("auditor"), "rights")
    database.connect().execute("alter table ledger.queue owner to current_user")
    assert finding.level == "fail"
    assert "too much: public may insert on table ledger.events" in finding.message
    assert "missing: ledger_auditor may select on table ledger.tally" in finding.message
    assert finding.advice is not None
    assert finding.advice.startswith("mend them, as the owner of the ledger: jobledger init; what it names then")


def test_a_login_that_got_more_power_later_is_named(database: Database) -> None:
    owner, name = database.connect(), f"mallory {uuid4().hex}"
    owner.execute(sql.SQL("create role {} login in role ledger_client").format(sql.Identifier(name)))
    try:
        owner.execute(sql.SQL("grant pg_write_all_data to {}").format(sql.Identifier(name)))
        said = [finding for finding in found(owner, "logins") if name in finding.message]
        assert [(finding.level, finding.message) for finding in said] == [
            ("warn", f"{name} is in ledger_client, and is a member of pg_write_all_data")
        ]
    finally:
        owner.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_login_whose_group_has_lost_its_rights_is_named(database: Database) -> None:
    database.connect().execute("revoke usage on schema ledger from ledger_auditor")
    assert explain_refusal(database.connect("auditor")).level == "fail"
    assert explain_refusal(database.connect("app_alice")).level == "note", "a client never looks into it"


def test_a_prepared_transaction_is_named() -> None:
    with temporary_postgres({"max_prepared_transactions": "2", "fsync": "off"}, below=place_for_servers()) as server:
        connection = connect(server.dsn())
        install(connection)
        with psycopg.connect(server.dsn()) as other:
            other.execute("lock table ledger.events in row exclusive mode")
            other.execute("prepare transaction 'left behind'")
        said = [finding for finding in examine_server(connection) if finding.check == "transactions"]
        connection.close()
    assert [finding.level for finding in said] == ["ok", "warn"]
    assert "prepared one as 'left behind'" in said[1].message
