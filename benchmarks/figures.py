"""What a measurement says: figures with their goals, and how they were come by."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: at most, or at least, so much."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {written(self.limit)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured, once in each run. ``noisy`` counts the runs that a neighbour may have disturbed."""

    what: str
    unit: str
    values: Sequence[float]
    goal: Goal | None = None
    noisy: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.values) if self.values else math.nan

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.met(self.median)

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what, "unit": self.unit, "median": self.median, "values": list(self.values),
            "goal": str(self.goal) if self.goal else None, "met": self.met, "noisy_runs": self.noisy,
        }  # fmt: skip


@dataclass(slots=True)
class Result:
    """What came of a scenario. ``checks`` says what was made sure of, ``parts`` where the time went."""

    scenario: str
    figures: list[Figure] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario, "figures": [figure.as_json() for figure in self.figures],
            "checks": self.checks, "notes": self.notes, "parts": self.parts,
        }  # fmt: skip


def written(value: float) -> str:
    """A number with three digits that matter."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:#.3g}"


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which that share of the values lies (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Run by run: runs of one round stand next to each other in time."""
    return [a / b for a, b in zip(ours, theirs, strict=False) if b]
