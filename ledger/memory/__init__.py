"""A ledger in memory, on the fold, with a clock that is an argument: for tests, and for trying handlers.

``ledger`` is what is kept. ``store`` is how a processor uses it, and ``server`` how a client does. Imports
``ledger.model`` and ``ledger.ports``.
"""
