"""The server's time, as well as it can be known here."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class ServerClock:
    """Tells the server's time from samples of it. Schedules are written by it, never by this machine's own clock.

    Between samples it goes on with the monotonic clock, so a step of the local clock does not disturb it. Before the
    first sample it shows the local time. It may be read and set from any thread.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> datetime:
        """The server's time, aware, in UTC."""
        return datetime.fromtimestamp(time.monotonic() + self._offset_s, UTC)

    def sample(self, server_time: datetime, asked_at: float, answered_at: float) -> None:
        """Take in what the server said its time was; the other two are ``time.monotonic()`` around the question."""
        self._offset_s = server_time.timestamp() - (asked_at + answered_at) / 2
