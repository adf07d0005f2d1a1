"""A file, a server, and a client between them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Database
from stepwise import Server

from client_sync import JobClient


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
