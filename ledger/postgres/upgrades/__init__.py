"""The numbered steps from one schema to the next: SQL alone. ``ledger.postgres.steps`` reads them.

Imports nothing.
"""
