"""The numbered steps from one schema to the next: SQL alone. ``ledger.postgres.steps`` says what is in one."""
