"""The one command, and what it needs to be tried out: a demo and a PostgreSQL server of its own."""

__version__ = "0.1.0"
