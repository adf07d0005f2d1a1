"""The heartbeat's own arithmetic; what it does among others is in ``test_service_faults``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import cast

from ledger.model.ids import new_id
from ledger.ports.store import Beat, Store
from processor.session.clock import ServerClock
from processor.session.liveness import Identity, Liveness
from processor.settings import Settings


def test_p5_the_lease_counts_from_the_question_and_not_from_the_answer() -> None:
    """The server has renewed it at some moment in between, and others count from there."""
    identity = Identity(new_id(), lambda _: None)
    answered: list[float] = []

    class Slow:
        def beat(self, *_: object) -> Beat:
            asked = time.monotonic()
            while time.monotonic() - asked < 0.05:
                pass
            answered.append(time.monotonic())
            return Beat(1, datetime.now(UTC))

    liveness = Liveness(
        cast(Store, Slow()), [], Settings(), ServerClock(), loop_still_s=lambda: 0.0,
        on_registered=lambda _: None, on_lost=lambda _: None, on_error=lambda _: None,
    )  # fmt: skip
    asked = time.monotonic()
    liveness._beat(identity)
    assert asked <= identity.renewed_at <= answered[0] - 0.05
    assert not identity.lost
