"""The start of every measured program: it says when it is ready, waits for the word, and ends with whoever started it.

Standard library only: it runs in the environments of others too.
"""

from __future__ import annotations

import json
import os
import sys
import threading


def wait_for_go() -> None:
    """Say that the program is ready, and wait for a line. The program dies when its standard input closes."""
    sys.stdout.write(json.dumps({"ready": True}) + "\n")
    sys.stdout.flush()
    if not sys.stdin.readline():
        os._exit(1)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    while sys.stdin.readline():
        pass
    os._exit(1)
