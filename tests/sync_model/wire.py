"""A real session with the server that can be cut at any call, on either side of the commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from client_sync.sync.exchange import Exchange
from ledger.model.protocol import HelloReply, PushReply
from ledger.ports.server import EventColumns, Page, Server
from ledger.postgres.server.server import PostgresServer

Answer = TypeVar("Answer")
Call: TypeAlias = Literal["push", "pull", "run", "again"]
When: TypeAlias = Literal["before commit", "after commit"]
MOST_CALLS: Final = 300
Sent: TypeAlias = defaultdict[tuple[UUID, int], set[str]]
"""Which events were ever sent under which number of which replica."""


@dataclass(frozen=True)
class Cut:
    """The session ends in its n-th question: the server has it, and the client never hears of it."""

    call: int
    when: When


class Wire(PostgresServer):
    """A session that counts what it is asked. ``happened`` says whether the cut took place."""

    def __init__(self, dsn: str) -> None:
        self._session = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)
        super().__init__(self._session)
        self._sent: Sent = defaultdict(set)
        self._cut: Cut | None = None
        self._meanwhile: Callable[[int], None] | None = None
        self.calls = 0
        self.happened = False

    @property
    def closed(self) -> bool:
        return self._session.closed

    def set_up(self, sent: Sent, cut: Cut | None, meanwhile: Callable[[int], None] | None) -> None:
        """For the next exchange; sessions are kept, because a new one costs more than all that is said in it."""
        self._sent, self._cut, self._meanwhile, self.calls = sent, cut, meanwhile, 0

    def hello(self, on_behalf_of: str | None = None) -> HelloReply:
        return self._ask(lambda: super(Wire, self).hello(on_behalf_of))

    def push(self, replica_id: UUID, base_seq: int, events: EventColumns, on_behalf_of: str | None = None) -> PushReply:
        for number, event_id in enumerate(events.ids, start=base_seq + 1):
            self._sent[replica_id, number].add(event_id)
        return self._ask(lambda: super(Wire, self).push(replica_id, base_seq, events, on_behalf_of))

    def pull(
        self, after_seq: int, epoch: UUID | None, max_events: int, max_bytes: int, on_behalf_of: str | None = None
    ) -> Page:
        return self._ask(lambda: super(Wire, self).pull(after_seq, epoch, max_events, max_bytes, on_behalf_of))

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        self.calls += 1
        assert self.calls < MOST_CALLS, "this exchange never ends"
        if self._meanwhile is not None:
            self._meanwhile(self.calls)
        if self._cut is None or self.calls != self._cut.call:
            return call()
        if self._cut.when == "before commit":
            self._session.execute("begin")
        call()
        self.happened = True
        self.close()
        return call()  # the port's own word for a session that is no more


class Steps(Exchange):
    """An exchange whose halves can be done one without the other."""

    def push(self, server: Server) -> None:
        self._identify(server)
        self._push(server)

    def pull(self, server: Server) -> None:
        self._identify(server)
        self._pull(server)

    def again(self, server: Server) -> None:
        self._again = True
        self.run(server)
