"""A short soak: the same as ``python -m soak``, bounded by steps so that a slow machine only takes longer."""

from __future__ import annotations

from itertools import islice
from random import Random

from soak.processors import WEIGHTS, plan_deeds
from soak.proxy import plan_faults
from soak.report import as_json, as_table
from soak.run import Plan, soak
from soak.settings import draw
from soak.troubles import OFTEN, plan_troubles


def test_the_same_seed_plans_the_same_faults() -> None:
    plan = [plan_faults(7, n) for n in range(200)]

    assert plan == [plan_faults(7, n) for n in range(200)]
    assert plan != [plan_faults(8, n) for n in range(200)]
    assert {fault.kind for faults in plan for fault in faults} == {"cut", "reset", "stall", "trickle", "refuse"}


def test_the_same_seed_plans_the_same_troubles() -> None:
    troubles = plan_troubles(7, 3)

    assert troubles == plan_troubles(7, 3)
    assert troubles != plan_troubles(8, 3)
    assert {trouble.kind for trouble in troubles} == set(OFTEN)
    deeds = list(islice(plan_deeds(7, 0), 200))
    assert deeds == list(islice(plan_deeds(7, 0), 200))
    assert deeds != list(islice(plan_deeds(7, 1), 200))
    assert {deed.what for deed in deeds} == set(WEIGHTS)
    assert draw(Random(7), 3) == draw(Random(7), 3)


def test_p1_p2_p4_p8_nothing_is_lost_or_doubled_whatever_is_done_to_network_server_processors_and_files() -> None:
    outcome = soak(Plan(seconds=120, seed=7, replicas=4, owners=2, steps=25, restarts=1, processors=1, troubles=1))

    assert outcome.clean, as_table(outcome)
    report = as_json(outcome)
    assert sum(report["faults"].values()) > 0, "the network was bad"
    assert report["numbers"]["events in the log"] > report["numbers"]["events written by files"] > 50
    assert report["wrong"].keys() >= {"lost", "doubled", "misordered", "stuck queues", "verify"}
