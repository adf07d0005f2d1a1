"""A server that says no: the sync pauses and says why, nothing is lost, and when it is mended all goes on by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from databases import throwaway_postgres
from psycopg.conninfo import make_conninfo
from waiting import until

from client_sync import JobClient
from jobledger.cli import run
from jobledger.embedded import EmbeddedPostgres
from ledger.errors import LedgerError, LoginRefused, ServerUnreachable, SyncRefused
from ledger.postgres.schema import install

PASSWORDS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
SHUT = "local all all trust\nhost all all 127.0.0.1/32 reject\n"
CUT = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = 'jobs'"
MAKE = "create role app login password 'right'; grant ledger_client to app"


class Guarded:
    """A server that asks for passwords, with a ledger and one login. ``run`` is the operator's hand."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._hba = postgres.cluster / "pg_hba.conf"
        self._admin = psycopg.connect(postgres.dsn(), autocommit=True)
        self._admin.execute("create database jobs")
        self._ledger_dsn = postgres.dsn("jobs")
        with psycopg.connect(self._ledger_dsn) as ledger:
            install(ledger)
            ledger.execute("select ledger.ensure_epoch()")
        self.dsn = make_conninfo(postgres.dsn("jobs", "app", tcp=True), password="right")
        self.admit(PASSWORDS)
        self.run(MAKE)

    def run(self, statements: str) -> None:
        for statement in statements.split("; "):
            self._admin.execute(statement.encode())

    def admit(self, hba: str) -> None:
        self._hba.write_text(hba)
        before = self._admin.execute("select pg_conf_load_time()").fetchone()
        self.run("select pg_reload_conf()")
        until(lambda: self._admin.execute("select pg_conf_load_time()").fetchone() != before, "the new pg_hba.conf")

    def count(self, name: str) -> int:
        with psycopg.connect(self._ledger_dsn) as ledger:
            row = ledger.execute(
                "select count(*) from ledger.events where data->>'name' = %(name)s", {"name": name}
            ).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        self._admin.close()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    with throwaway_postgres(port=0) as postgres:
        guarded = Guarded(postgres)
        yield guarded
        guarded.close()


@dataclass(frozen=True)
class Trouble:
    """Something that happens to a login, what the client then says, and what mends it."""

    befall: Callable[[Guarded], None]
    mend: Callable[[Guarded], None]
    says: str
    kind: type[LedgerError] = LoginRefused
    exit_code: int = 4


def sql_trouble(befall: str, mend: str, says: str, kind: type[LedgerError] = LoginRefused, code: int = 4) -> Trouble:
    return Trouble(lambda server: server.run(befall), lambda server: server.run(mend), says, kind, code)


TROUBLES = {
    "another password": sql_trouble(
        "alter role app password 'other'", "alter role app password 'right'", "password authentication failed"
    ),
    "an expired password": sql_trouble(
        "alter role app valid until '2020-01-01'", "alter role app valid until 'infinity'", "authentication failed"
    ),
    "no login": sql_trouble("alter role app nologin", "alter role app login", "not permitted to log in"),
    "no such role": sql_trouble("drop role app", MAKE, "authentication failed"),
    "no such database": sql_trouble(
        f"alter database jobs allow_connections false; {CUT}; alter database jobs rename to elsewhere",
        "alter database elsewhere rename to jobs; alter database jobs allow_connections true",
        "does not exist",
    ),
    "no right to connect": sql_trouble(
        "revoke connect on database jobs from public", "grant connect on database jobs to public", "permission denied"
    ),
    "pg_hba": Trouble(
        lambda server: server.admit(SHUT), lambda server: server.admit(PASSWORDS), r"pg_hba\.conf rejects"
    ),
    "no rights of a client": sql_trouble(
        "revoke ledger_client from app", "grant ledger_client to app", "permission denied", SyncRefused
    ),
    "no session to be had": sql_trouble(
        "alter role app connection limit 0", "alter role app connection limit -1",
        "too many connections", ServerUnreachable, 7,
    ),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_the_sync_pauses_says_why_and_resumes_by_itself(
    guarded: Guarded, trouble: Trouble, path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    with JobClient(path, dsn=guarded.dsn) as jobs:
        jobs.start_sync()
        first = jobs.submit(name)
        until(lambda: jobs.get(first.id).shown == "accepted", "the first exchange")

        trouble.befall(guarded)
        try:
            guarded.run(CUT)  # as sooner or later something does
            job = jobs.submit(name)
            error = until(lambda: _saying(trouble.says, jobs.sync_error), "the complaint")
            assert type(error) is trouble.kind
            assert error.hint
            assert jobs.get(job.id).shown == "saved", "nothing is discarded"

            assert run(["sync", "--db", str(path), "--dsn", guarded.dsn]) == trouble.exit_code
            complaint = capsys.readouterr().err
            assert complaint.startswith("error: ")
            assert re.search(trouble.says, complaint)
            assert complaint.count("\n") == 1
            assert run(["status", str(job.id), "--db", str(path)]) == 0
            assert re.search(trouble.says, capsys.readouterr().err)
            assert re.search(trouble.says, jobs.last_error or "")
        finally:
            trouble.mend(guarded)

        until(lambda: jobs.get(job.id).shown == "accepted", "the push", seconds=120)
        until(lambda: jobs.sync_error is None and jobs.last_error is None, "no more complaint")
    assert guarded.count(name) == 2, "nothing is lost or doubled"


def _saying(words: str, error: LedgerError | None) -> LedgerError | None:
    return error if error is not None and re.search(words, error.message) else None
