"""The other side of a bare LISTEN/NOTIFY round trip: ``python -m benchmarks.echo DSN PING``.

``PING`` is the statement with which it answers: the same that it is called with, on the other channel.
"""

from __future__ import annotations

import sys
from typing import Final

import psycopg

from benchmarks.starting import wait_for_go

NOTIFY: Final = "select pg_notify(%(channel)s, '')"
STORE_AND_NOTIFY: Final = "insert into stored select from pg_notify(%(channel)s, '')"
"""Writes a row, so that the commit waits for the disk, as every commit of a ledger does."""

if __name__ == "__main__":
    wait_for_go()
    with psycopg.connect(sys.argv[1], autocommit=True) as hears, psycopg.connect(sys.argv[1], autocommit=True) as says:
        hears.execute("listen ping")
        says.execute("select pg_notify('pong', 'ready')")
        for _ in hears.notifies():
            says.execute(sys.argv[2].encode(), {"channel": "pong"})
