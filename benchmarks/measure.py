"""Measuring one run of one contender, and letting contenders take turns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.cpu import read_machine, read_tree, spent_by

if TYPE_CHECKING:
    from benchmarks.progress import Progress
    from benchmarks.server import Server

STOLEN: Final = 0.05
"""More than this share of the machine's CPU time taken by the host's other guests: the run is made again."""
OTHERS: Final = 0.25
"""More than this share taken by other processes of this machine: the run is marked."""
ATTEMPTS: Final = 3


@dataclass(slots=True)
class Run:
    """One run: what it cost by tree of processes, how long it took, and how quiet the machine was.

    ``parts`` is Postgres' share by what its processes are for. ``values`` are the contender's own figures.
    """

    wall_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    stolen: float = 0.0
    others: float = 0.0
    values: dict[str, float] = field(default_factory=dict)

    @property
    def noisy(self) -> bool:
        return self.stolen > STOLEN or self.others > OTHERS


@contextmanager
def metered(server: Server | None, **trees: Sequence[int]) -> Iterator[Run]:
    """Measure the block: the named trees of processes (by their roots), this process itself as "client", and Postgres.

    The run is filled in when the block ends.
    """
    run = Run()
    roots = {name: list(pids) for name, pids in trees.items()}
    before = {pid: read_tree(pid).total for pids in roots.values() for pid in pids}
    postgres = server.read_cpu() if server else None
    whole, machine, client, began = _whole(server), read_machine(), time.process_time(), time.perf_counter()
    yield run
    run.wall_s = time.perf_counter() - began
    run.cpu_s = {"client": time.process_time() - client}
    busy, stolen = (after - then for after, then in zip(read_machine(), machine, strict=True))
    ours = _whole(server) - whole
    for name, pids in roots.items():
        run.cpu_s[name] = sum(read_tree(pid).total - before[pid] for pid in pids)
    if server is not None and postgres is not None:
        run.parts = server.by_purpose(spent_by(postgres, server.read_cpu()))
        run.cpu_s["postgres"] = sum(run.parts.values())
    capacity = run.wall_s * (os.cpu_count() or 1)
    run.stolen = stolen / capacity
    run.others = max(0.0, busy - ours) / capacity


def _whole(server: Server | None) -> float:
    """Everything that belongs to this benchmark; an embedded Postgres is a child of this process."""
    whole = read_tree(os.getpid()).total
    return whole + server.read_cpu().total if server is not None and not server.is_ours else whole


def take_turns(contenders: Mapping[str, Callable[[], Run]], runs: int, progress: Progress) -> dict[str, list[Run]]:
    """Run each contender ``runs`` times, in turns, so that a slow minute hits all of them.

    A run during which the host gave much of the CPU to others is made again, twice at most; the quietest one counts.
    """
    done: dict[str, list[Run]] = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(runs):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            best: Run | None = None
            for _ in range(ATTEMPTS):
                progress.say(f"{name}, run {number + 1} of {runs}")
                run = contenders[name]()
                if best is None or run.stolen < best.stolen:
                    best = run
                if run.stolen <= STOLEN:
                    break
                progress.say(f"{name}: {run.stolen:.0%} of the CPU were stolen, again")
            assert best is not None
            done[name].append(best)
    return done


def noisy(runs: list[Run]) -> int:
    """How many of the runs were disturbed."""
    return sum(run.noisy for run in runs)
