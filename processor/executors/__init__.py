"""Where handlers run: the event loop, threads; and what the loop and its process need. Imports ``handlers``."""
