"""Claiming jobs, running them, and recording what comes of it. Imports ``handlers``, ``executors`` and ``session``."""
