"""An auditor's own copy of the ledger is upgraded before the ledger itself, as docs/operating.md says."""

from __future__ import annotations

import psycopg
from catalogue import read_catalogue
from databases import new_database, new_template, throwaway_postgres
from old_version import V1, restore_v1
from psycopg import sql
from waiting import until

from ledger.postgres.database import connect
from ledger.postgres.feed import verify
from ledger.postgres.rights import find_differences
from ledger.postgres.schema import VERSION, installed_version
from ledger.postgres.upgrade import upgrade


def test_p16_an_auditors_copy_follows_the_ledger_through_an_upgrade() -> None:
    with (
        throwaway_postgres({"wal_level": "logical"}) as server,
        new_template(server.dsn()),
        new_database(server.dsn(), "template1") as ledger,
        new_database(server.dsn(), "template1") as copy,
    ):
        owner = ledger.connect()
        restore_v1(owner)
        owner.execute("create publication ledger_audit for tables in schema ledger")
        owner.execute("select pg_create_logical_replication_slot('auditor', 'pgoutput')")
        with connect(copy.dsn) as auditor:
            auditor.execute((V1 / "schema.sql").read_bytes())
            auditor.execute(
                "truncate ledger.schema_version, ledger.lives, ledger.sequencer, ledger.limits, ledger.rights"
            )
            auditor.execute(
                sql.SQL(
                    "create subscription auditor connection {} publication ledger_audit with (create_slot = false)"
                ).format(sql.Literal(ledger.dsn))
            )
            try:
                follow(owner, auditor)
                upgrade(auditor)
                # what the upgrade has written there comes from the ledger instead
                auditor.execute("delete from ledger.schema_version where version > 1")
                auditor.execute("truncate ledger.rights")
                upgrade(owner)
                owner.execute("select ledger.submit('square', '{\"n\": 1}')")
                while owner.execute("select * from ledger.sequence()").fetchone()["sequenced"]:  # type: ignore[index]
                    pass
                follow(owner, auditor)
                assert installed_version(auditor) == VERSION
                assert read_catalogue(auditor) == read_catalogue(owner)
                assert find_differences(auditor) == []
                assert verify(auditor) == verify(owner)
            finally:
                auditor.execute("drop subscription auditor")


def follow(owner: psycopg.Connection[psycopg.rows.DictRow], copy: psycopg.Connection[psycopg.rows.DictRow]) -> None:
    written = "select count(*) as n, max(seq) as last from ledger.log"
    versions = "select array_agg(version order by version) as versions, count(*) from ledger.schema_version"
    rights = "select count(*) as n from ledger.rights"
    for query in (written, versions, rights):
        wanted = owner.execute(query.encode()).fetchone()
        until(lambda: copy.execute(query.encode()).fetchone() == wanted, query)  # noqa: B023 - called at once
