"""Claiming jobs, running them, recording how they end.

Imports ``session``, ``executors`` and ``handlers``; only the service imports it. It does not know ``leader``.
"""
