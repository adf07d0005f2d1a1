"""What operators read and do: stats, doctor, grants. Imports ``ledger``; the service never imports it."""
