"""What a ledger in memory keeps of its clients: their replicas, what was refused, and who may act for whom."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from uuid import UUID

from ledger.model.protocol import NEWEST_PROTOCOL, OLDEST_PROTOCOL, RefusedEvent, Versions


@dataclass
class ClientLimits:
    """How much clients may send: as ``ledger.limits`` in schema.sql, with its defaults."""

    max_event_bytes: int = 262_144
    max_params_bytes: int = 262_144
    max_json_depth: int = 64
    max_batch_events: int = 5000
    max_batch_bytes: int = 16_777_216

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class Replica:
    """One client file: whose it is, how far its events were taken, and in which epoch the last of them."""

    owner: str
    head: int
    epoch_number: int


@dataclass
class Clients:
    """``delegations`` has (login, owner) pairs; None as owner: that login may act for everybody.

    ``oddities`` are the forks and rewinds that were written down: each once.
    """

    limits: ClientLimits = field(default_factory=ClientLimits)
    protocol: Versions = field(default_factory=lambda: Versions(oldest=OLDEST_PROTOCOL, newest=NEWEST_PROTOCOL))
    replicas: dict[UUID, Replica] = field(default_factory=dict)
    refusals: dict[tuple[UUID, int], RefusedEvent] = field(default_factory=dict)
    delegations: set[tuple[str, str | None]] = field(default_factory=set)
    oddities: set[tuple[UUID, str, int, int]] = field(default_factory=set)

    def owner_for(self, login: str, on_behalf_of: str | None) -> str | None:
        """Whose events a session writes and reads; None where it may not."""
        if on_behalf_of in (None, login):
            return login
        may = {(login, None), (login, on_behalf_of)} & self.delegations
        return on_behalf_of if may else None

    def refused(self, replica_id: UUID, after: int, upto: int) -> tuple[RefusedEvent, ...]:
        """What was refused of a replica's numbers above ``after`` and up to ``upto``."""
        numbers = range(after + 1, upto + 1)
        return tuple(self.refusals[replica_id, n] for n in numbers if (replica_id, n) in self.refusals)
