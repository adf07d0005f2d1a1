"""What 0.1.0 left behind: its ledger, restored from a dump, and its code."""

from __future__ import annotations

import pytest
from databases import Database
from old_version import OldVersion, restore_v1


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldVersion:
    return OldVersion(tmp_path_factory.mktemp("old"))


@pytest.fixture
def v1(empty_database: Database) -> Database:
    """A database with the filled ledger of version 1, restored."""
    owner = empty_database.connect()
    restore_v1(owner)
    owner.close()
    return empty_database
