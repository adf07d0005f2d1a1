"""Claiming jobs, running them, recording how they end. Imports ``session``, ``executors`` and ``handlers``."""
