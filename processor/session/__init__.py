"""A processor's place among the others: connections, registration, heartbeat, hints. Imports nothing of the service."""
