"""What the server lets an event and a push hold, as of the last sync: columns of ``replica``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TypeAlias

PUSH_EVENT_BYTES: Final = 256
"""What an event needs at most in a push beside its data: ids, type and time."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """A row of ``ledger.limits``; as it is until an operator changes it."""

    max_event_bytes: int = 262_144
    max_params_bytes: int = 262_144
    max_json_depth: int = 64
    max_batch_events: int = 5000
    max_batch_bytes: int = 16_777_216

    @property
    def event_bytes(self) -> int:
        """How much ``data`` one event may have: it has to fit into a push as well."""
        return min(self.max_event_bytes, self.max_batch_bytes)

    @property
    def push_events(self) -> int:
        """How many events one push may have, whatever their data."""
        return max(min(self.max_batch_events, self.max_batch_bytes // PUSH_EVENT_BYTES), 1)


Rules: TypeAlias = tuple[str | None, ServerLimits]
"""By what a request is validated: whose file this is, None until the server has said so, and the server's limits."""

_NAMES: Final = tuple(field.name for field in fields(ServerLimits))
_POSSIBLE: Final = {
    "max_event_bytes": range(1000, 100_000_001),
    "max_params_bytes": range(100, 100_000_001),
    "max_json_depth": range(4, 129),
    "max_batch_events": range(1, 100_001),
    "max_batch_bytes": range(1000, 500_000_001),
}
"""As the checks of ``ledger.limits``: with less an app could do nothing, with more it could run out of memory."""
_READ: Final = f"select owner, {', '.join(_NAMES)} from replica"  # noqa: S608 - the names above
_WRITE: Final = f"update replica set {', '.join(f'{name} = :{name}' for name in _NAMES)}"  # noqa: S608 - likewise


def read_limits(connection: sqlite3.Connection) -> ServerLimits:
    """The limits as the file knows them."""
    return read_rules(connection)[1]


def read_rules(connection: sqlite3.Connection) -> Rules:
    """The rules as the file knows them."""
    ((owner, *limits),) = connection.execute(_READ)
    return owner, ServerLimits(*limits)


def believable_limits(row: Mapping[str, Any]) -> ServerLimits | None:
    """The limits as a server gives them; None where they are none that a ledger may have."""
    given = {name: row.get(name) for name in _NAMES}
    if any(type(value) is not int or value not in _POSSIBLE[name] for name, value in given.items()):
        return None
    return ServerLimits(**given)  # type: ignore[arg-type]  # each is an int by now


def write_limits(connection: sqlite3.Connection, limits: ServerLimits) -> None:
    """Keep what the server said. Belongs into the caller's transaction."""
    connection.execute(_WRITE, asdict(limits))
