"""The peers' own environment, made on first use, and each peer as a contender."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.programs import Program, environment_for, program
from ledger.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.progress import Progress
    from benchmarks.server import Database

HERE: Final = Path(__file__).parent
ENVIRONMENT: Final = "JOBLEDGER_BENCH_PEERS"
"""The variable that names another folder for the peers' environment."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A peer: how to see that nothing is left to do, and how many jobs it says it has done."""

    name: str
    module: str
    left: str
    done: str
    cost: int
    """How many of our jobs cost about as much as one of its: so many fewer are measured."""


KINDS: Final = (
    Kind(
        "PgQueuer",
        "pgqueuer_peer",
        "select exists (select from pgqueuer)",
        "select count(*) from pgqueuer_log l where l.status = 'successful'",
        1,
    ),
    Kind(
        "Procrastinate",
        "procrastinate_peer",
        "select exists (select from procrastinate_jobs j where j.status in ('todo', 'doing'))",
        "select count(*) from procrastinate_jobs j where j.status = 'succeeded'",
        10,
    ),
)


class Peers:
    """The environment with all of them. ``versions`` is what is installed in it."""

    def __init__(self, python: Path) -> None:
        self._python = python
        listed = subprocess.run(
            [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        pinned = [line.partition("==")[0].partition("[")[0] for line in _pins()]
        installed = dict(line.split("==", 1) for line in listed.stdout.split() if "==" in line)
        self.versions: Final = {name: installed[name] for name in pinned}

    def call(self, kind: Kind, verb: str, database: Database, *arguments: str) -> None:
        """Run one of its verbs to the end."""
        command = [str(self._python), "-m", f"benchmarks.peers.{kind.module}", verb, database.url, *arguments]
        done = subprocess.run(command, env=environment_for(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise LedgerError(f"{kind.name} cannot {verb}: {' | '.join(done.stderr.splitlines()[-3:])}")

    @contextmanager
    def start(
        self, kind: Kind, verb: str, folder: Path, database: Database, *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[Program]:  # fmt: skip
        """Start one of its programs; it is gone at the end."""
        module = f"benchmarks.peers.{kind.module}"
        with program(
            folder, module, verb, database.url, *arguments, python=self._python, environment=environment
        ) as running:
            yield running


def prepare(progress: Progress) -> Peers:
    """Make the environment, unless it is there and of the same pins. Raises LedgerError if pip fails."""
    folder = Path(os.environ.get(ENVIRONMENT) or HERE / ".venv")
    python = folder / "bin" / "python"
    ready = folder / f"ready-{hashlib.sha256(chr(10).join(_pins()).encode()).hexdigest()[:12]}"
    if not ready.exists():
        progress.title("peers")
        progress.say(f"installing them into {folder}")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement",
             str(HERE / "requirements.txt")],
        ):  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise LedgerError(f"the peers cannot be installed: {' | '.join(done.stderr.splitlines()[-3:])}")
        ready.touch()
    return Peers(python)


def _pins() -> list[str]:
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
