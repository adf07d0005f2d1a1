"""Looking a replica file over, making it smaller, and saving what a damaged one holds.

Imports ``client_sync.file`` and ``client_sync.sync``; the client and the verbs import it.
"""
