"""What all sides share: the domain, the two ports to a ledger, and what implements them.

``model`` is pure. ``ports`` says what a client and a processor know of a ledger; ``postgres`` and ``memory`` implement
it, and do not know each other. ``servers`` opens the one that a connection string names. Imports none of its users:
``client_sync``, ``processor`` and ``jobledger`` import it.
"""
