"""The two ports: all that a client knows of a server, and all that a processor knows of its ledger. Pure.

They import ``ledger.model`` and ``ledger.errors`` only. Clients and processors import them, and so do the
implementations: ``ledger.postgres`` and ``ledger.memory``.
"""
