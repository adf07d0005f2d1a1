"""What every reader can read: the bounds of the JSON in an event, said once.

An event is read by Python's json, by pydantic, by SQLite and by Postgres, each with limits of its own. What one of them
cannot read is refused where it would come in: by ``JobClient.submit``, by a processor before it records, and at the
server's doors, where ``ledger.why_unreadable`` in schema.sql says the same in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 128
"""Levels of nesting in an event's data. pydantic reads 200, and what wraps an event (a late one, a state) adds some."""
MAX_DIGITS: Final = 640
"""Digits of a whole number: what every Python reads, however it is set (``PYTHONINTMAXSTRDIGITS``)."""
HINT: Final = "leave it out, or send it as a text that says the same"

_TOO_LARGE: Final = 10**MAX_DIGITS
_LONG_RUN: Final = re.compile(rf"(?<![0-9])[0-9]{{{MAX_DIGITS + 1}}}")
_DIGITS: Final = frozenset("0123456789")
_HALF: Final = re.compile("[\ud800-\udfff]")


def is_suspect(text: str, depth: int = MAX_DEPTH) -> bool:
    """Whether JSON text that was written here may hold what not every reader can read. Quick; only ``find`` is sure."""
    return "\\u0000" in text or _has_long_run(text) or text.count("[") + text.count("{") > depth


def find_unreadable(value: Any, depth: int = MAX_DEPTH) -> str | None:
    """What in a value not every reader could read, as "place: why", or None where there is nothing.

    Looks into dicts, lists and tuples; what JSON has no word for at all is left to whoever writes the JSON.
    """
    ahead: list[tuple[str, int, Any]] = [("", 1, value)]
    while ahead:
        place, level, item = ahead.pop()
        why = _why(item, level, depth)
        if why is not None:
            return f"{place}: {why}" if place else why
        for name, below in _below(item):
            if isinstance(name, str) and (why := _why(name, level, depth)):
                return f"{place or 'it'}: the name of a field is {why}"
            ahead.append((f"{place}[{name}]" if isinstance(name, int) else _joined(place, name), level + 1, below))
    return None


def read_integer(digits: str) -> int:
    """For ``json.loads(..., parse_int=...)``: a whole number as every reader reads it. Raises ValueError."""
    if len(digits) > MAX_DIGITS + digits.startswith("-"):
        raise ValueError(f"a whole number of more than {MAX_DIGITS} digits")
    return int(digits)


def _has_long_run(text: str) -> bool:
    # a run of that length covers one of these places: few characters to look at, where a search looks at all
    return not _DIGITS.isdisjoint(text[MAX_DIGITS :: MAX_DIGITS + 1]) and _LONG_RUN.search(text) is not None


def _why(item: Any, level: int, depth: int) -> str | None:
    match item:
        case bool() | None:
            return None
        case float() if item != item or item in (float("inf"), float("-inf")):
            return f"{item} is not a number that JSON has"
        case int() if not -_TOO_LARGE < item < _TOO_LARGE:
            return f"a whole number of more than {MAX_DIGITS} digits"
        case str() if "\0" in item:
            return "a text with the character NUL"
        case str() if _HALF.search(item):
            return "a text with half of a surrogate pair"
        case dict() | list() | tuple() if level > depth:
            return f"nests deeper than {depth} levels"
    return None


def _below(item: Any) -> Iterator[tuple[Any, Any]]:
    match item:
        case dict():
            yield from reversed(item.items())
        case list() | tuple():
            yield from reversed(list(enumerate(item)))


def _joined(place: str, name: object) -> str:
    shown = str(name)[:100].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return f"{place}.{shown}" if place else shown
