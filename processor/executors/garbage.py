"""Python's cyclic garbage collector, in a process of its own for a processor."""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""A batch of claimed jobs makes some ten thousand objects, which live for moments and are in no reference cycles."""


def collect_rarely() -> None:
    """Exempt what is loaded by now, and look for cycles once in a few batches of jobs, not many times in each.

    Call it when all is imported. It acts on the whole process, so it is not for an app that only embeds a processor.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
