"""Array literals of Postgres, for whole columns of texts as one parameter each; the casts stand in the statement.

psycopg writes an array element by element in Python, at several times the cost of all other work on a row.
"""

from __future__ import annotations

from collections.abc import Iterable


def bare(elements: Iterable[str]) -> str:
    """An array of texts that need no quotes: UUIDs, numbers, times, types of events."""
    return "{" + ",".join(elements) + "}"


def quoted(elements: Iterable[str | None]) -> str:
    """An array of any texts; None is null."""
    return bare(["null" if e is None else '"' + e.replace("\\", "\\\\").replace('"', '\\"') + '"' for e in elements])
