"""What operators read and do: stats, doctor, grants. Here are the verdicts and the words for them.

What is asked of Postgres stands in ``ledger.postgres.admin``. The service never imports this.
"""
