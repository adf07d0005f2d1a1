"""Who has been silent, and for how long: counted by what passes here, whatever the server's clock says."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ledger.ports.store import Silent


class FailureDetector:
    """What one processor sees of the heartbeats of all. ``now`` is a monotonic clock, in seconds."""

    def __init__(self, grace_s: float, lease_s: float) -> None:
        self._grace_s = grace_s
        self._lease_s = lease_s
        self._seen: dict[UUID, tuple[int, float]] = {}

    def see(self, beats: Iterable[tuple[UUID, int]], now: float) -> None:
        """Take in who is there, and how often each was heard. What is no longer among them is forgotten."""
        seen = {}
        for processor, count in beats:
            known = self._seen.get(processor)
            seen[processor] = known if known is not None and known[0] == count else (count, now)
        self._seen = seen

    def silent(self, now: float) -> list[Silent]:
        """Those that were seen for the grace or longer without a beat."""
        return [
            Silent(processor, beats, now - since >= self._lease_s)
            for processor, (beats, since) in self._seen.items()
            if now - since >= self._grace_s
        ]
