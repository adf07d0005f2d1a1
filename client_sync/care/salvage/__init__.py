"""What is left of a damaged file, read without SQLite where SQLite does not read it."""
