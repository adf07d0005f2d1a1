"""The programs that are measured: each a process of its own, gone at the end of its block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.cpu import memory_mb
from ledger.errors import LedgerError

ROOT: Final = Path(__file__).resolve().parent.parent
STOPS_WITHIN_S: Final = 15.0


class Program:
    """A process that talks in lines of JSON. It waits at ``benchmarks.starting`` until ``go``."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process: Final = process
        self._log = log

    @property
    def pid(self) -> int:
        return self.process.pid

    def read(self) -> dict[str, Any]:
        """Its next line. Raises LedgerError with the end of its log if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise LedgerError(f"a measured program has ended: {self.said()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def until_ready(self) -> None:
        self.read()

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            raise LedgerError(f"a measured program has ended: {self.said()}")

    def said(self) -> str:
        """The end of what it wrote to standard error."""
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-5:]) or "it said nothing"

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory in MB: now, and at its highest."""
        return memory_mb(self.pid)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def program(
    folder: Path,
    module: str,
    *arguments: str,
    python: Path | str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Start ``python -m module``; it is gone at the end. It has to call ``wait_for_go`` first."""
    log = folder / f"{module.rpartition('.')[2]}.log"
    command: Sequence[str] = [str(python), "-m", module, *arguments]
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            cwd=folder,
            env=environment_for(environment),
            start_new_session=True,  # Ctrl-C is for this process, which then stops the others
        ) as process,
    ):
        started = Program(process, log)
        try:
            yield started
        finally:
            started.stop()
            assert process.stdin is not None
            process.stdin.close()


def environment_for(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, with this checkout first on Python's path."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(more or {})}
