"""The port ``Store`` on Postgres: one file for each part of a processor that calls it, and ``store`` for the whole.

Imports ``ledger.ports`` and its neighbours in ``ledger.postgres``; only ``processor.service`` imports it.
"""
