"""Exchanging events with a server, whichever it is: it is known by the port ``Server`` alone.

Imports ``client_sync.file``; ``care`` and the client import it.
"""
