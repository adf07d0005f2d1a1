"""P1, P2, P3, P4, P8 and P12 of the sync, whatever happens in whichever order.

Each example is a new database and some files of two owners; each step is something that can happen to them. In the
end everything is healed and synced, and all have to tell one story. CI runs the same examples every time. For others:

    SYNC_MODEL_EXAMPLES=1000 python -m pytest -s -o faulthandler_timeout=0 tests/sync_model

``SYNC_MODEL_STEPS`` is the most steps of an example, and pytest's ``--hypothesis-seed`` chooses the examples.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from sync_model.plays import Plays, playing
from sync_model.wire import Cut

EXAMPLES = os.environ.get("SYNC_MODEL_EXAMPLES")
STEPS = int(os.environ.get("SYNC_MODEL_STEPS", "25"))


def test_p1_p2_p3_p4_p8_p12_all_agree_in_the_end(model: type[Plays]) -> None:
    run_state_machine_as_test(
        model,
        settings=settings(
            max_examples=int(EXAMPLES or 10),
            stateful_step_count=STEPS,
            derandomize=EXAMPLES is None,
            database=None,
            deadline=None,
            # a shorter example is worth minutes to a person, and not to a build that has already failed
            phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(Plays.happened))  # noqa: T201 - for whoever runs it by hand, with -s


def test_p8_a_refusal_ends_where_a_copy_of_the_event_was_taken(model: type[Plays]) -> None:
    with playing(model) as stage:
        stage.be_refused_what_is_taken_from_a_copy(0, worked=True)


@pytest.mark.parametrize("of_copy", [2, 3])
def test_p1_a_log_that_was_not_read_to_its_end_says_nothing_of_what_it_holds(model: type[Plays], of_copy: int) -> None:
    with playing(model) as stage:
        cut = Cut(3, "before commit")  # the new life has begun, and nothing of it was read
        stage.let_a_copy_come_first_to_a_restored_server(0, 2, of_copy, 1, cut, compacted=False)
