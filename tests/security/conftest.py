"""The ledger that the attacks are aimed at."""

from __future__ import annotations

import pytest
from databases import Database
from security.attacked_ledger import AttackedLedger


@pytest.fixture
def attacked(database: Database) -> AttackedLedger:
    """A ledger with jobs of Bob's, and Alice who attacks it."""
    return AttackedLedger(database)
