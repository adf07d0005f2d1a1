"""A real session with the server that can be cut at any call, on either side of the commit."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from client_sync.sync.exchange import Exchange
from ledger.ports.server import Server

Call: TypeAlias = Literal["push", "pull", "run", "again"]
When: TypeAlias = Literal["before commit", "after commit"]
MOST_CALLS: Final = 300
Sent: TypeAlias = defaultdict[tuple[UUID, int], set[str]]
"""Which events were ever sent under which number of which replica."""


@dataclass(frozen=True)
class Cut:
    """The session ends in its n-th call of the ledger: the server has the call, and the client never hears of it."""

    call: int
    when: When


class Wire(psycopg.Connection[DictRow]):
    """A session that counts its calls of the ledger's doors. ``happened`` says whether the cut took place."""

    sent: Sent
    cut: Cut | None
    meanwhile: Callable[[int], None] | None
    calls: int
    happened = False

    @classmethod
    def open(cls, dsn: str) -> Self:
        return cls.connect(dsn, autocommit=True, row_factory=dict_row)

    def set_up(self, sent: Sent, cut: Cut | None, meanwhile: Callable[[int], None] | None) -> None:
        """For the next exchange; sessions are kept, because a new one costs more than all that is said in it."""
        self.sent, self.cut, self.meanwhile, self.calls = sent, cut, meanwhile, 0

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[DictRow]:
        text = query.decode() if isinstance(query, bytes) else str(query)
        if "ledger." not in text:
            return super().execute(query, params, **options)
        self.calls += 1
        assert self.calls < MOST_CALLS, "this exchange never ends"
        if "ledger.push" in text:
            event_ids = json.loads(f"[{params['ids'][1:-1]}]")  # a literal of quoted texts
            for number, event_id in enumerate(event_ids, start=params["base_seq"] + 1):
                self.sent[params["replica_id"], number].add(event_id)
        if self.meanwhile is not None:
            self.meanwhile(self.calls)
        if self.cut is None or self.calls != self.cut.call:
            return super().execute(query, params, **options)
        if self.cut.when == "before commit":
            super().execute("begin")
        super().execute(query, params, **options)
        self.happened = True
        self.close()
        return super().execute(query, params, **options)  # psycopg's own word for a session that is no more


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
