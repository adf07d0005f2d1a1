"""All that speaks Postgres: connections, the schema and its upgrades, the ports, reading the log.

The only room that imports psycopg. Imports ``ledger.model``, ``ledger.ports`` and ``ledger.retrying``. Clients reach it
by ``ledger.servers`` only; ``processor.service``, the verbs and ``jobledger.admin`` import it.
"""
