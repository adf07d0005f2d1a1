"""Where handlers run: the event loop, threads; and what the loop and its process need.

Imports ``handlers``; ``work``, the service and the verb ``serve`` import it.
"""
