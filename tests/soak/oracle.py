"""The oracle of a soak: what the harness itself knows for certain, to compare the files and the server with."""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from uuid import UUID


class Oracle:
    """Kept by all threads of a soak."""

    def __init__(self) -> None:
        self.steps: Counter[str] = Counter()
        self.written: dict[str, str] = {}
        self.poison: set[str] = set()
        self.overwritten: dict[str, bool] = {}
        self.never_saved: list[str] = []
        self.errors: list[str] = []
        self._jobs: dict[str, list[UUID]] = {}
        self._lock = threading.Lock()

    def wrote(self, event_id: str, file: str, owner: str, job_id: UUID) -> None:
        """An event that a call returned: saved in the file."""
        with self._lock:
            self.written[event_id] = file
            self._jobs.setdefault(owner, []).append(job_id)

    def lost_at_once(self, what: str) -> None:
        """A call returned, and the file does not hold what it wrote."""
        with self._lock:
            self.never_saved.append(what)

    def overwrote(self, event_id: str, *, acknowledged: bool) -> None:
        """A file was replaced by an older copy that does not hold this event."""
        with self._lock:
            self.overwritten[event_id] = acknowledged or self.overwritten.get(event_id, False)

    def some_job(self, owner: str, chance: Random) -> UUID | None:
        """One of the owner's jobs, from whichever file."""
        with self._lock:
            jobs = self._jobs.get(owner)
            return chance.choice(jobs) if jobs else None

    def step(self, name: str) -> None:
        with self._lock:
            self.steps[name] += 1

    def error(self, where: str, error: BaseException) -> None:
        """What nobody planned for: it fails the run."""
        with self._lock:
            if len(self.errors) < 100:
                self.errors.append(f"{where}: {type(error).__name__}: {error}")
