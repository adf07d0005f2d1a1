"""A real PostgreSQL for the tests: one server a session, one database a test.

The server is the embedded one, or the one that LEDGER_TEST_DSN names (a superuser's DSN; its login roles
``app_alice``, ``app_bob``, ``worker``, ``auditor`` and ``operator`` get a known password and stay there afterwards).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from databases import LOGINS, Database, create_login, new_database
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

# no deadline: a machine may be busy, and timing belongs in benchmarks
settings.register_profile("ledger", deadline=None, max_examples=60)
settings.load_profile("ledger")

SETUP_LOCK = 5_036_218  # roles belong to the whole server: parallel sessions create them one after the other


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The superuser's DSN of the session's server."""
    if given := os.environ.get("LEDGER_TEST_DSN"):
        yield given
        return
    from jobledger.embedded import temporary_postgres

    with temporary_postgres() as server:
        yield server.dsn()


@pytest.fixture(scope="session")
def template(postgres_dsn: str) -> Iterator[str]:
    """The name of a database with the schema installed, which is only ever copied."""
    from ledger.schema import install

    name = f"ledger_template_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%(key)s)", {"key": SETUP_LOCK})
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with psycopg.connect(make_conninfo(postgres_dsn, dbname=name)) as connection:
            install(connection)
        for login, group in LOGINS.items():
            create_login(admin, login, group)
        admin.execute("select pg_advisory_unlock(%(key)s)", {"key": SETUP_LOCK})
    yield name
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(postgres_dsn: str, template: str) -> Iterator[Database]:
    """A new database with the schema installed."""
    with new_database(postgres_dsn, template) as database:
        yield database


@pytest.fixture
def empty_database(postgres_dsn: str, template: str) -> Iterator[Database]:
    """A new database without the schema, on a server that has the login roles."""
    with new_database(postgres_dsn, "template1") as database:
        yield database
