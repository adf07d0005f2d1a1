"""The port ``Store`` on Postgres: one file for each part of a processor that calls it, and ``store`` for the whole."""
