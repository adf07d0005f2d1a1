"""Exchanging events with a server. Imports ``client_sync.file``."""
