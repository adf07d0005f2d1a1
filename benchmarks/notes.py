"""What the handlers ``note`` and ``linger`` wrote down: which job started when, and where."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from benchmarks.handlers import NOTES


class Note(NamedTuple):
    """The handler of job number ``i`` started in process ``pid`` at ``at`` (Unix time, seconds)."""

    i: int
    pid: int
    at: float


class Notebook:
    """One file of notes; its ``environment`` tells the handlers of a program where it is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"notes-{uuid4().hex}"
        self._path.touch()
        self.environment = {NOTES: str(self._path)}

    def read(self) -> list[Note]:
        """All notes so far."""
        lines = self._path.read_text().splitlines(keepends=True)
        return [
            Note(int(i), int(pid), float(at)) for i, pid, at in (line.split() for line in lines if line.endswith("\n"))
        ]
