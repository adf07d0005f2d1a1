"""What a handler's author meets: registry, context, outcomes. Imports ``ledger``, and nothing else of the processor."""
