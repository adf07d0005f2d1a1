"""The times that every reader here can hold: those of the years 1600 to 8999. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

EARLIEST: Final = datetime(1600, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(8999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def within_reach(at: datetime) -> datetime:
    """An aware time in UTC; the first or the last one that can be stored, where it lies beyond."""
    if at <= EARLIEST:
        return EARLIEST
    return LATEST if at >= LATEST else at.astimezone(UTC)


def later(now: datetime, seconds: float) -> datetime:
    """So many seconds after ``now``, within reach."""
    try:
        return within_reach(now + timedelta(seconds=seconds))
    except OverflowError:
        return LATEST
