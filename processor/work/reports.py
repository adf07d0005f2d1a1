"""What an attempt says while it runs, held until it is sent: the last progress, and the lines of its log."""

from __future__ import annotations

import math
import threading
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import to_json

from ledger.errors import InvalidEvent
from processor.entry import Entry
from processor.handlers.describe import storable
from processor.handlers.json_text import write_json

STOPPING: Final = "timed out, stopping"
"""The last progress of an attempt whose time is over and whose function goes on: for its owner, and for ``doctor``."""
MAX_LINE_CHARS: Final = 8_000
MAX_EVENT_CHARS: Final = 60_000
"""Lines of one event together; in UTF-8 and JSON a character may take four bytes."""
MAX_HELD_CHARS: Final = 2_000_000
"""Lines held for one attempt. While the server is away, a talkative job must not eat the processor's memory."""


class Reports:
    """One attempt's unsent reports. Any thread may add; ``take`` empties it.

    Of several progress reports only the last is sent. Lines are numbered from 1 within the attempt; lines that found
    no room are left out, and the gap in the numbers shows it.
    """

    __slots__ = (
        "_attempt", "_closed", "_first", "_held", "_lines", "_lock", "_next_line", "_percent", "_progress",
        "_progress_count",
    )  # fmt: skip

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt
        self._lock = threading.Lock()
        self._progress: str | None = None
        self._progress_count = 0
        self._percent: float | None = None
        self._closed = False
        self._lines: list[tuple[int, str]] = []
        self._next_line = 1
        self._held = 0

    def progress(self, percent: float | None, message: str | None, data: Any, *, last: bool = False) -> None:
        """Replace the progress. Raises InvalidEvent where ``data`` cannot be recorded; a message always can."""
        if percent is not None:
            if math.isnan(percent):
                raise InvalidEvent(
                    "progress: percent is not a number", hint="give 0 to 100, or None where it is not known"
                )
            percent = min(max(float(percent), 0.0), 100.0)
        if message is not None:
            message = storable(str(message), MAX_LINE_CHARS)
        with self._lock:
            if self._closed:
                return
            n = self._progress_count + 1
            report = {"attempt": self._attempt, "n": n, "percent": percent, "message": message, "data": data}
            said = {name: value for name, value in report.items() if value is not None}
            self._progress = write_json(said, what="progress")
            self._progress_count = n
            self._percent = percent
            self._closed = last

    def close_progress(self, message: str) -> None:
        """Let this be the last progress: as far as it was, with this message."""
        self.progress(self._percent, message, None, last=True)

    def line(self, level: str, message: str) -> None:
        """Add a line to the log, with the local time."""
        clean = storable(message, MAX_LINE_CHARS)
        line = to_json({"at": datetime.now(UTC), "level": level, "message": clean}).decode()
        with self._lock:
            number, self._next_line = self._next_line, self._next_line + 1
            if self._held + len(line) <= MAX_HELD_CHARS:
                self._lines.append((number, line))
                self._held += len(line)

    def take(self) -> list[Entry]:
        """The events for all that was said since the last call: the log's lines, then the progress."""
        with self._lock:
            lines, self._lines, self._held = self._lines, [], 0
            progress, self._progress = self._progress, None
        entries = [self._logged(run) for run in _runs(lines)]
        if progress is not None:
            entries.append(Entry("attempt.progressed", progress))
        return entries

    def _logged(self, run: list[tuple[int, str]]) -> Entry:
        lines = ",".join(line for _, line in run)
        return Entry("attempt.logged", f'{{"attempt":{self._attempt},"first":{run[0][0]},"lines":[{lines}]}}')


def _runs(lines: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Cut lines into runs that are numbered without gaps and fit into one event each."""
    runs: list[list[tuple[int, str]]] = []
    held = 0
    for number, line in lines:
        if not runs or number != runs[-1][-1][0] + 1 or held + len(line) > MAX_EVENT_CHARS:
            runs.append([])
            held = 0
        runs[-1].append((number, line))
        held += len(line)
    return runs
