"""The two ports: what a client knows of a ledger (``Server``), and what a processor does (``Store``).

Imports ``ledger.model``.
"""
