"""The whole path on real files, in one terminal, checked against itself.

Imports ``console``, ``admin``, ``embedded`` and the packages; only the verb ``demo`` imports it.
"""
