"""Where handlers run: the event loop, threads. Imports nothing of the service."""
