"""A ledger in Postgres, as a processor uses it.

Five connections: liveness (in a thread of its own), leader, listener, claimer and recorder. Each is made again when it
breaks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg

from ledger.ports.store import Hint
from ledger.postgres.dsn import no_session, with_defaults
from ledger.postgres.schema import open_ledger
from ledger.postgres.store.errors import translated
from ledger.postgres.store.hearing import listen
from ledger.postgres.store.leading import Leading
from ledger.postgres.store.link import keep_trying
from ledger.postgres.store.pooling import need_own_sessions
from ledger.postgres.store.registration import Registration
from ledger.postgres.store.work import Work

STEADY: Final = {
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""A server that vanished without a word is noticed within seconds, not after the kernel's hours."""


class PostgresStore(Registration, Work, Leading):
    """The port ``Store``, over the connections of one service.

    ``dsn`` is a URL or libpq keywords; LedgerError is raised where it is neither.
    """

    def __init__(self, dsn: str) -> None:
        self._given_dsn = dsn
        try:
            self._steady_dsn = with_defaults(dsn, STEADY)
        except psycopg.ProgrammingError as error:
            raise no_session(error, dsn) from None  # the cause would show a password
        Registration.__init__(self, self._steady_dsn)
        Work.__init__(self, self._steady_dsn)
        Leading.__init__(self, self._steady_dsn)

    async def check(self) -> None:
        await need_own_sessions(self._given_dsn)
        await keep_trying("start")(asyncio.to_thread, self._check_schema)

    def _check_schema(self) -> None:
        try:
            open_ledger(self._steady_dsn, application_name="jobledger start").close()
        except psycopg.Error as error:
            raise translated(error) from error

    async def hear(self, tell: Callable[[Hint], object]) -> None:
        # a pass by this service's own leader has told its claimer of the work already
        await listen(self._steady_dsn, tell, lambda: self._leading.backend_pid)
