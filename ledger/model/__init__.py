"""The domain, pure: events, what they mean, ids and the protocol. Imports only ``ledger.errors``."""
