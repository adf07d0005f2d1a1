"""The ledger that the attacks are aimed at."""

from __future__ import annotations

import pytest
from databases import Database
from security.besieged import Besieged


@pytest.fixture
def besieged(database: Database) -> Besieged:
    """A ledger with jobs of Bob's, and Alice who attacks it."""
    return Besieged(database)
