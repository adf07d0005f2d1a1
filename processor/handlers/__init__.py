"""What a handler's author works with: registry, context, outcomes, retries.

Imports ``ledger``, and nothing else of the processor. All its other rooms import it.
"""
