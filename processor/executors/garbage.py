"""Python's cyclic garbage collector, in a process of its own for a processor."""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""A batch of claimed jobs is some ten thousand objects, which live for moments and hold no cycles of ours."""


def collect_rarely() -> None:
    """Leave alone what was loaded until now, and look for cycles once a few batches rather than many times in each.

    Call it when all is imported. It is for the whole process: not for an app that only has a processor in it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
