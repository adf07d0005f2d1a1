"""P1, P2, P3, P4, P8 and P12 of the sync, whatever happens in whichever order.

Each example is a new database and some files of two owners; each step is something that can happen to them. In the
end everything is healed and synced, and all have to tell one story. CI runs the same examples every time. For others:

    SYNC_MODEL_EXAMPLES=1000 python -m pytest -s -o faulthandler_timeout=0 tests/sync_model

``SYNC_MODEL_STEPS`` is the most steps of an example, and pytest's ``--hypothesis-seed`` chooses the examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from databases import new_template
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from client_sync import outbox, plan
from jobledger.embedded import temporary_postgres
from sync_model.machine import SyncModel

EXAMPLES = os.environ.get("SYNC_MODEL_EXAMPLES")
STEPS = int(os.environ.get("SYNC_MODEL_STEPS", "25"))


@pytest.fixture
def careless_server() -> Iterator[str]:
    """A server that does not wait for the disk: hundreds of databases come and go, and nobody pulls the plug."""
    if given := os.environ.get("LEDGER_TEST_DSN"):
        yield given
        return
    with temporary_postgres({"fsync": "off"}) as server:
        yield server.dsn()


def test_p1_p2_p3_p4_p8_p12_all_agree_in_the_end(careless_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # a few events fill a push and a page, so that a short example has many of them
    monkeypatch.setattr(outbox, "MAX_PUSH_EVENTS", 3)
    monkeypatch.setattr(plan, "FIRST_PAGE", 2)
    monkeypatch.setattr(plan, "LAST_PAGE", 4)
    with new_template(careless_server) as template:
        model = type("Model", (SyncModel,), {"server": careless_server, "template": template})
        run_state_machine_as_test(
            model,
            settings=settings(
                max_examples=int(EXAMPLES or 20),
                stateful_step_count=STEPS,
                derandomize=EXAMPLES is None,
                database=None,
                deadline=None,
                # a shorter example is worth minutes to a person, and not to a build that has already failed
                phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(dict(SyncModel.happened))  # noqa: T201 - for whoever runs it by hand, with -s
