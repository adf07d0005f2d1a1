"""The other side of a bare LISTEN/NOTIFY round trip: ``python -m benchmarks.echo DSN``."""

from __future__ import annotations

import sys

import psycopg

from benchmarks.gate import wait_for_go

if __name__ == "__main__":
    wait_for_go()
    with psycopg.connect(sys.argv[1], autocommit=True) as hears, psycopg.connect(sys.argv[1], autocommit=True) as says:
        hears.execute("listen ping")
        says.execute("select pg_notify('pong', 'ready')")
        for _ in hears.notifies():
            says.execute("select pg_notify('pong', '')")
