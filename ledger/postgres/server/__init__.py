"""The port ``Server`` over a connection to Postgres.

``connection`` can be ended from any thread, ``statements`` has the SQL, and ``server`` is what a client holds.
Clients reach it through ``ledger.servers`` only, which imports it when a sync begins.
"""
