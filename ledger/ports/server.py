"""The port ``Server``: all that a client knows of any server.

An implementation gives typed values and raises LedgerErrors: ServerUnreachable where trying again can help (its kind
LoginRefused where the server does not let this login in), SyncRefused where it turns the client away, NotALedger where
nothing is installed, BadAnswer for an answer whose shape is wrong. Whether an answer can be true is for the client to
check, whoever gives it: ``client_sync.sync.answers``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from ledger.model.protocol import HelloReply, PushReply


class EventRow(NamedTuple):
    """An event as a server gives it and a file keeps it: ids and times as texts, ``data`` as the exact text."""

    id: str
    job_id: str | None
    type: str
    v: int
    owner: str
    actor: str
    seq: int | None
    occurred_at: str
    recorded_at: str | None
    replica_id: str | None
    replica_seq: int | None
    correlation_id: str | None
    causation_id: str | None
    data: str


class EventColumns(NamedTuple):
    """The events of one push, column by column. All columns have one length."""

    ids: Sequence[str]
    job_ids: Sequence[str | None]
    types: Sequence[str]
    versions: Sequence[int]
    occurred_at: Sequence[str]
    correlation_ids: Sequence[str | None]
    causation_ids: Sequence[str | None]
    data: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of one owner's log, in its order.

    ``upto_seq``: how far the log was read, also where none of it was this owner's. ``is_cut``: the page ended early
    because of its size. ``events`` gives its ``count`` events once, each made when it is asked for.
    """

    upto_seq: int
    epoch: UUID
    count: int
    is_cut: bool
    events: Iterable[EventRow]


class Wakeable(Protocol):
    """Something whose descriptor becomes readable: a socket."""

    def fileno(self) -> int: ...


class Server(Protocol):
    """A session with a server. One thread uses it; ``cut`` may come from any other.

    ``on_behalf_of`` is whose events these are, where that is not the login itself.
    """

    @property
    def announces(self) -> bool:
        """Whether news are announced here, as far as is known: ``hello`` finds out. If not, ask for them."""

    def hello(self, on_behalf_of: str | None = None) -> HelloReply:
        """What a client has to know before it sends or reads."""

    def push(self, replica_id: UUID, base_seq: int, events: EventColumns, on_behalf_of: str | None = None) -> PushReply:
        """Send a replica's events that follow its number ``base_seq``. The reply says what is committed."""

    def pull(
        self, after_seq: int, epoch: UUID | None, max_events: int, max_bytes: int, on_behalf_of: str | None = None
    ) -> Page:
        """The owner's events behind ``after_seq``: up to ``max_events``, cut after the one that reaches ``max_bytes``.

        Where ``epoch`` is not the server's, the page is empty and says the server's.
        """

    def wait_for_news(self, timeout_s: float, wake: Wakeable) -> bool:
        """Wait until the log may have grown, ``wake`` is readable, or the time is over. Whether it may have grown."""

    def cut(self) -> None:
        """Make whatever waits for the server fail at once. From any thread."""

    def close(self) -> None:
        """End the session. Calling again does nothing."""


OpenServer: TypeAlias = Callable[[bool, Callable[[], bool]], Server]
"""Opens a session: ``open(listen, stopped)``. ``listen``: have news announced. Gives up once ``stopped`` says so."""


def never() -> bool:
    """For ``stopped``, where nobody stops it."""
    return False
