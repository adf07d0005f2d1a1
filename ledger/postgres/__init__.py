"""All that speaks Postgres: connections, the schema, reading the log. Imports ``ledger.model``."""
