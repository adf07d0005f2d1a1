"""Which implementation of the port ``Server`` a connection string leads to. Each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from ledger.ports.server import Server, never


def open_server(dsn: str, listen: bool = False, stopped: Callable[[], bool] = never) -> Server:
    """A session with the server that ``dsn`` names: today, a URL or keywords of libpq for Postgres.

    Raises ServerUnreachable (LoginRefused where the server answered, and said no), and LedgerError for what is no
    connection string.
    """
    from ledger.postgres.database import need_libpq

    need_libpq()
    from ledger.postgres.server.server import open_postgres

    return open_postgres(dsn, listen, stopped)
