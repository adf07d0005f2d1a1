"""What 0.1.0 left behind: its ledger, restored from a dump, and a fresh one to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest
from databases import Database

V1 = Path(__file__).parent / "v1"


@pytest.fixture
def v1(empty_database: Database) -> Database:
    """A database with the filled ledger of version 1, restored from its dump."""
    owner = empty_database.connect()
    owner.execute((V1 / "database.sql").read_bytes())
    owner.close()
    return empty_database
