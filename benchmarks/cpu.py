"""CPU time of trees of processes and of the whole machine, from /proc (its manual: proc(5)).

A process that has ended is no longer listed; its time is then in ``cutime`` and ``cstime`` of the parent that waited
for it. So the time of a tree is that of all its live processes (those not yet waited for are still listed) and of the
dead that these have waited for. While one looks, a process may end: its time would be seen twice or not at all. Two
looks in a row that agree on who is there, and on the time of the dead, are free of that.

Not seen is the time of a process whose parent ended before it and that was adopted outside of the tree, and of children
that nobody waits for (SIGCHLD ignored). Postgres does neither.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ledger.errors import LedgerError

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_LOOKS: Final = 20
_PROC: Final = Path("/proc")


class Life(NamedTuple):
    """One process: its number and when it started, as numbers are used again."""

    pid: int
    started: int


class _Process(NamedTuple):
    life: Life
    parent: int
    own_s: float
    waited_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU seconds of a tree at one moment: of each live process, and of all that have ended."""

    live: Mapping[Life, float]
    ended: float

    @property
    def total(self) -> float:
        return sum(self.live.values()) + self.ended


def read_tree(root: int) -> Reading:
    """The CPU seconds of a process and its descendants. Raises LedgerError if there is no such process."""
    before = _tree(root)
    for _ in range(_LOOKS):
        now = _tree(root)
        if {(p.life, p.waited_s) for p in before} == {(p.life, p.waited_s) for p in now}:
            break
        before = now
    return Reading({p.life: p.own_s for p in before}, sum(p.waited_s for p in before))


def spent_by(before: Reading, after: Reading) -> dict[int | None, float]:
    """CPU seconds between two readings by process number; under None, of the processes that have ended meanwhile."""
    spent: dict[int | None, float] = {
        life.pid: seconds - before.live.get(life, 0.0) for life, seconds in after.live.items()
    }
    gone = sum(seconds for life, seconds in before.live.items() if life not in after.live)
    spent[None] = after.ended - before.ended - gone
    return spent


class Machine(NamedTuple):
    """CPU seconds of the whole machine since it started; ``stolen`` went to other guests of the same host."""

    busy: float
    stolen: float


def read_machine() -> Machine:
    """What all CPUs did together."""
    with (_PROC / "stat").open() as file:
        user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, file.readline().split()[1:9])
    return Machine((user + nice + system + irq + softirq) * _TICK_S, stolen * _TICK_S)


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process in MB (10^6 bytes): now, and at its highest."""
    with (_PROC / str(pid) / "status").open() as file:
        found = {name: value for name, _, value in (line.partition(":") for line in file)}
    return tuple(int(found[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]  # of two


def parent_of(pid: int) -> int | None:
    """The parent's number; None where there is no such process on this machine."""
    found = _look(pid)
    return found.parent if found else None


def command_of(pid: int) -> str:
    """The short name of a process's program; empty where there is none."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _tree(root: int) -> list[_Process]:
    found = [p for entry in os.listdir(_PROC) if entry.isdigit() and (p := _look(int(entry)))]  # noqa: PTH208  names are all it takes
    children: dict[int, list[_Process]] = {}
    for process in found:
        children.setdefault(process.parent, []).append(process)
    tree = [p for p in found if p.life.pid == root]
    if not tree:
        raise LedgerError(f"process {root} is gone", hint="see the log of what was being measured")
    for process in tree:  # grows while it is walked
        tree += children.get(process.life.pid, [])
    return tree


def _look(pid: int) -> _Process | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # the name of the program, in brackets, may hold anything
    field = text.rpartition(")")[2].split()
    user, system, child_user, child_system = map(int, field[11:15])
    return _Process(
        Life(pid, int(field[19])), int(field[1]), (user + system) * _TICK_S, (child_user + child_system) * _TICK_S
    )
