"""What one processor does for all: putting events in order, letting due jobs start, rescuing.

``leader`` is the whole; each duty has a file, and so has the election. Imports ``session`` and ``ledger.ports``; only
the service imports it.
"""
