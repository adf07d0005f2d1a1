"""What is left of a damaged file, read without SQLite where SQLite does not read it.

Imports ``client_sync.file``; only the verb ``salvage`` imports it.
"""
