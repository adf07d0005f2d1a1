"""Own events that no driver could send: other programs can store any bytes in the file, with its checks switched off.

Such an event is sent in its place and without its data, for the server to refuse it: so it uses up its number there as
every refused event does, its neighbours pass, and the file says here what was really wrong with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from ledger.ports.server import EventColumns

Reason: TypeAlias = tuple[str, str]
"""Code and detail of a refusal."""

MAX_BYTES: Final = 100_000_000
"""More than any server lets an event hold (``ledger.limits``), and less than a connection can carry at once."""
_NAMES: Final = ("id", "job_id", "type", "occurred_at", "correlation_id", "causation_id", "data")
STORED: Final = ", ".join(f"cast(e.{name} as blob)" for name in _NAMES)
"""The columns of ``events e`` that ``why_unsendable`` looks at, in SQL."""
_ONE: Final = f"select {STORED} from events e where e.local_seq = :local_seq"  # noqa: S608 - the names above
_VERSIONS: Final = range(-32768, 32768)


def may_be_unsendable(columns: EventColumns, size: int) -> bool:
    """Whether one event of a batch has to be looked at. Quick."""
    texts = ("".join(filter(None, column)) for column in (*columns[:3], *columns[4:]))
    return (
        any("\0" in text or "\N{REPLACEMENT CHARACTER}" in text for text in texts)
        or size > MAX_BYTES
        or any(v not in _VERSIONS for v in columns.versions)
    )


def make_sendable(connection: sqlite3.Connection, row: tuple[Any, ...]) -> tuple[tuple[Any, ...], Reason | None]:
    """The row as it can be sent, and why it is not the one that is stored."""
    local_seq, event_id, job_id, kind, v, occurred_at, correlation_id, causation_id, _ = row
    (stored,) = connection.execute(_ONE, {"local_seq": local_seq})
    reason = why_unsendable(stored, v)
    if reason is None:
        return row, None
    texts = (_clean(text) for text in (event_id, job_id, kind))
    version = v if v in _VERSIONS else 0
    return (local_seq, *texts, version, _clean(occurred_at), _clean(correlation_id), _clean(causation_id), None), reason


def why_unsendable(stored: Sequence[bytes | None], v: int) -> Reason | None:
    """Why an event with these texts, as ``STORED`` gives them, cannot be sent; None where it can."""
    for name, content in zip(_NAMES, stored, strict=True):
        if content is None:
            continue
        if len(content) > MAX_BYTES:
            return "too_large", f"{name}: has {len(content)} bytes, more than can be sent"
        if b"\0" in content:
            return "invalid", f"{name}: holds the character NUL, which the server cannot store"
        try:
            content.decode()
        except UnicodeDecodeError as error:
            return "invalid", f"{name}: is not UTF-8, from byte {error.start} on"
    return None if v in _VERSIONS else ("unknown_version", f"v: {v} is no version")


def _clean(text: str | None) -> str | None:
    # ids and types are short; what is longer is none
    return None if text is None else text[:200].replace("\0", "\N{REPLACEMENT CHARACTER}")
