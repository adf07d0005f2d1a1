"""The model on a server of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from databases import new_template, throwaway_postgres

from client_sync.sync import outbox, plan
from sync_model.plays import Plays


@pytest.fixture(scope="package")
def careless_server() -> Iterator[str]:
    """A server that does not wait for the disk: hundreds of databases come and go, and nobody pulls the plug."""
    if given := os.environ.get("LEDGER_TEST_DSN"):
        yield given
        return
    with throwaway_postgres() as server:
        yield server.dsn()


@pytest.fixture(scope="package")
def careless_template(careless_server: str) -> Iterator[str]:
    with new_template(careless_server) as template:
        yield template


@pytest.fixture
def model(careless_server: str, careless_template: str, monkeypatch: pytest.MonkeyPatch) -> type[Plays]:
    # a few events fill a push and a page, so that a short example has many of them
    monkeypatch.setattr(outbox, "MAX_PUSH_EVENTS", 3)
    monkeypatch.setattr(plan, "FIRST_PAGE", 2)
    monkeypatch.setattr(plan, "LAST_PAGE", 4)
    return type("Model", (Plays,), {"server": careless_server, "template": careless_template})
