"""What a handler's author meets: registry, context, outcomes. Imports nothing of the service."""
