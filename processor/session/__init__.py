"""A processor's place among the others: its registration and heartbeat, the server's time, and hints.

Imports ``ledger.ports`` and the settings; ``work``, ``leader`` and the service import it.
"""
