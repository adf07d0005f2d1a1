"""A real PostgreSQL for the tests: one server a session, one database a test; services and clients around it.

The server is the embedded one, or the one that LEDGER_TEST_DSN names (a superuser's DSN; its login roles
``app_alice``, ``app_bob``, ``worker``, ``auditor`` and ``operator`` get a known password and stay there afterwards).
Where the embedded one keeps its data is decided in databases.py.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from client_worlds import ClientWorld, FirstPostgresClients, MemoryClients, PostgresClients
from databases import Database, new_database, new_template, place_for_servers, throwaway_postgres
from hypothesis import settings
from in_process import QUICK, Ledger, RunningService, Start
from old_version import V1
from stepwise import Server

from client_sync import JobClient
from processor import Registry
from processor.settings import Settings

if sys.platform == "win32":
    collect_ignore = [
        "client_sync/file/test_bad_files.py",  # a disk that is full, by limits of POSIX
        "client_sync/file/test_lock.py",  # flock, and forks
        "client_sync/file/test_rights.py",  # owners and modes
        "client_sync/sync/test_not_let_in.py",  # a server of their own, which does not run there
        "client_sync/sync/test_pooled.py",
    ]

# no deadline: a machine may be busy, and timing belongs in benchmarks
settings.register_profile("ledger", deadline=None, max_examples=60)
# every run of CI uses the same examples; new ones are looked for by hand
settings.register_profile("ci", settings.get_profile("ledger"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "ledger")


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The superuser's DSN of the session's server."""
    if given := os.environ.get("LEDGER_TEST_DSN"):
        yield given
        return
    with throwaway_postgres(durable=True) as server:
        yield server.dsn()


@pytest.fixture(scope="module")
def servers_in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For tests of servers themselves: what this process and its children call temporary is where servers live fast."""
    tmp_path_factory.getbasetemp()  # which stays where it is
    with pytest.MonkeyPatch.context() as patch:
        if place := place_for_servers():
            patch.setenv("TMPDIR", str(place))
            patch.setattr(tempfile, "tempdir", str(place))
        yield


@pytest.fixture(scope="session")
def template(postgres_dsn: str) -> Iterator[str]:
    """The name of a database with the schema installed, which is only ever copied."""
    with new_template(postgres_dsn) as name:
        yield name


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


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """The test's view of its database."""
    return Ledger(database)


@pytest.fixture
def start(database: Database) -> Iterator[Start]:
    """Start services as the role ``worker``. Those that still run after the test are stopped."""
    with ExitStack() as running:

        def start(registry: Registry, **settings: Any) -> RunningService:
            given = {"retry": QUICK, "drain_timeout": 5.0, **settings}
            service = RunningService(database.dsn_as("worker"), registry, Settings(**given))
            running.callback(service.stop)
            return service

        yield start


@pytest.fixture
def server(database: Database) -> Iterator[Server]:
    server = Server(database)
    yield server
    server.check()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


@pytest.fixture
def jobs(path: Path) -> Iterator[JobClient]:
    """A client without a server."""
    with JobClient(path) as client:
        yield client


@pytest.fixture
def online(path: Path, server: Server) -> Iterator[JobClient]:
    """A client of alice, whose file is new."""
    with JobClient(path, dsn=server.dsn) as client:
        yield client


@pytest.fixture
def plain(path: Path, jobs: JobClient) -> Iterator[sqlite3.Connection]:
    """What another language has: SQLite, the file, and nothing of ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture(params=["postgres", "postgres, version 1", "memory"])
def world(request: pytest.FixtureRequest) -> ClientWorld:
    """A server of each kind, for what every client meets alike."""
    match request.param:
        case "memory":
            return MemoryClients()
        case "postgres":
            return PostgresClients(request.getfixturevalue("database"))
        case _:
            return FirstPostgresClients(request.getfixturevalue("empty_database"), (V1 / "schema.sql").read_text())
