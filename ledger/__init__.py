"""The domain of the job ledger: events, fold and errors, and the Postgres access that every side shares."""
