"""Ids and times: read as an app gives them, written as the file keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from ledger.errors import InvalidEvent

YEARS: Final = range(1600, 9000)
"""The years in which every reader's calendar can follow a time to another zone."""


def format_time(value: datetime) -> str:
    """An aware time as RFC 3339 in UTC, to the microsecond."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return f"{_second_text(value.replace(microsecond=0))}.{value.microsecond:06d}Z"


@lru_cache(maxsize=4)  # nine tenths of the work, and the same for all that is asked for within a second
def _second_text(second: datetime) -> str:
    return second.isoformat().removesuffix("+00:00")


def parse_id(value: UUID | str, *, what: str = "job id") -> UUID:
    """Read an id. Raises InvalidEvent for a text that is not a UUID."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidEvent(f"{value!r} is not a {what}", hint="ids are UUIDs") from error


def parse_time(what: str, value: datetime | str) -> datetime:
    """An aware time, or the RFC 3339 text of one, in UTC. Raises InvalidEvent for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise InvalidEvent(f"{what}: {value} has no time zone", hint="give an offset, or Z for UTC")
        moment = moment.astimezone(UTC)
        if moment.year not in YEARS:
            raise InvalidEvent(f"{what}: {value} is too far away", hint="give a time in the years 1600 to 8999")
        return moment
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidEvent(f"{what}: {value!r} is not a time", hint="as in 2026-01-31T09:00:00Z") from error
