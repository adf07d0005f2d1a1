"""Services that are started by a test and stopped after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from databases import Database
from in_process import QUICK, Ledger, RunningService, Start

from processor import Registry
from processor.settings import Settings


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
