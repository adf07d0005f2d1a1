"""Sending what running attempts say: at once when it is quiet, and otherwise together, a few times a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from processor.work.attempt import Attempt
    from processor.work.recorder import Recorder

INTERVAL_S: Final = 0.15


class Reporter:
    """Passes on the reports of one registered processor's attempts, each attempt's at most once an interval."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._loop = asyncio.get_running_loop()
        self._noted: list[Attempt] = []
        self._timer: asyncio.TimerHandle | None = None
        self._last_s = self._loop.time() - INTERVAL_S

    def note(self, attempt: Attempt) -> None:
        """This attempt has something to say. In the event loop's thread."""
        self._noted.append(attempt)
        if self._timer is None:
            self._timer = self._loop.call_at(self._last_s + INTERVAL_S, self._send)

    def close(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        self._timer = None
        self._last_s = self._loop.time()
        noted, self._noted = self._noted, []
        for attempt in noted:
            attempt.announced = False  # first: what is said from here on is announced anew
            if not attempt.over and (entries := attempt.take_reports()):
                self._recorder.add(attempt, entries)
