"""The replica file: its schema, its events, its jobs, and who may have it open.

Knows no server. Imports ``ledger`` and nothing else of the client; ``sync``, ``care`` and the client import it.
"""
