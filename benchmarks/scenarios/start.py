"""What it costs to start: the command's help, and the import that an app makes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Goal, Result
from benchmarks.programs import environment_for
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = (
    ("Python alone", ("-c", "pass"), None),
    ("jobledger --help", ("-m", "jobledger", "--help"), Goal(0.25)),
    ("import client_sync", ("-c", "import client_sync"), Goal(0.15)),
)


def start(bench: Bench) -> Result:
    """CPU seconds from the start of the interpreter to its end."""
    result = Result("start")
    # compiled once, as an installation is
    environment = {**environment_for(), "PYTHONPYCACHEPREFIX": str(bench.folder / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for what, arguments, goal in COMMANDS:
        bench.progress.say(what)
        _cpu_s(arguments, environment)
        values = [_cpu_s(arguments, environment) for _ in range(max(bench.size, 1))]
        result.figures.append(Figure(what, "s", values, goal))
    result.notes.append(f"The interpreter included; {bench.size} times each, after one that compiled the modules.")
    return result


def _cpu_s(arguments: Sequence[str], environment: dict[str, str]) -> float:
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LedgerError(f"{' '.join(arguments)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
