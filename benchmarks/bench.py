"""What a scenario is, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Result

if TYPE_CHECKING:
    from benchmarks.peers.environment import Peers
    from benchmarks.progress import Progress
    from benchmarks.server import Server


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of one scenario: how large, how often, where, and beside whom (``peers``: None for nobody)."""

    server: Server
    folder: Path
    progress: Progress
    size: int
    runs: int
    peers: Peers | None = None

    def of_size(self, size: int) -> Bench:
        return replace(self, size=size)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to measure. ``size`` counts ``of`` things, where the user names no other number."""

    name: str
    goal: str
    size: int
    of: str
    run: Callable[[Bench], Result]
