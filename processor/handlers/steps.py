"""Completed steps of a job: as they are recorded, and as the next attempt gets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from ledger.ports.store import CompletedStep
from processor.handlers.outcome import Permanent


class UnreadableSteps(dict[str, str]):
    """The steps of a job one of which cannot be read. It may be any of them, so none may run again."""

    def get(self, name: str, *_default: object) -> Any:
        raise Permanent(
            f"a completed step of this job cannot be read, and step {name!r} may be the one",
            hint="see the job's history, and request the job anew",
        )


def read_steps(recorded: Iterable[CompletedStep]) -> dict[str, dict[str, str]]:
    """The results of completed steps, as JSON text, by job and step. The first one of a name counts, as in the fold."""
    steps: dict[str, dict[str, str]] = {}
    for job_id, data in recorded:
        try:
            step = from_json(data)
            steps.setdefault(job_id, {}).setdefault(step["step"], to_json(step.get("result")).decode())
        except (ValueError, TypeError, KeyError, AttributeError):
            steps[job_id] = UnreadableSteps()
    return steps


def read_result(function: Callable[..., Any], text: str) -> Any:
    """A step's result as the type that its function is annotated to return."""
    hints = get_type_hints(function, include_extras=True) if hasattr(function, "__annotations__") else {}
    return _adapter(hints.get("return", Any)).validate_json(text)


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
