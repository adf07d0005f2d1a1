"""The replica file: its schema, its events, its jobs, and who may have it open. Knows no server."""
