"""Identifiers: UUID version 7 (RFC 9562, section 5.7), which sort by the time they were made."""

from __future__ import annotations

import os
import threading
import time
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_COUNTER_BITS = 74


def uuid7(unix_ms: int, tail: int) -> UUID:
    """Build a UUIDv7 from a Unix time in milliseconds (48 bits) and 74 further bits."""
    rand_a = (tail >> 62) & 0xFFF
    rand_b = tail & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=((unix_ms & 0xFFFF_FFFF_FFFF) << 80) | _VERSION | (rand_a << 64) | _VARIANT | rand_b)


class IdSource:
    """Makes ids that ascend within one process, even when the clock stands still or steps back (RFC 9562, 6.2).

    The tail starts at a random number for each new millisecond and goes up by a random step within it, so ids
    made by different processes do not meet and the next one cannot be guessed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ms = 0
        self._tail = 0

    def __call__(self) -> UUID:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._ms:
                self._ms = now
                # the top bit stays free, so that the steps within a millisecond cannot overflow
                self._tail = int.from_bytes(os.urandom(10), "big") & ((1 << (_COUNTER_BITS - 1)) - 1)
            else:
                self._tail += 1 + int.from_bytes(os.urandom(4), "big")
            return uuid7(self._ms, self._tail)


new_id = IdSource()
"""Make the next id of this process."""
