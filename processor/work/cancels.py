"""Hearing of cancels: which jobs that run here were asked to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processor.session.hints import wait_for_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from ledger.ports.store import Store
    from processor.session.hints import Hints


class CancelWatch:
    """Asks for the cancels of a processor's jobs, at each hint and at least every ``poll_s``.

    ``in_hand`` holds what runs, by job; ``cancel`` is called with the id of each job that was cancelled.
    """

    def __init__(
        self,
        store: Store,
        processor: UUID,
        hints: Hints,
        poll_s: float,
        in_hand: Mapping[str, object],
        cancel: Callable[[str], None],
    ) -> None:
        self._store = store
        self._processor = processor
        self._hints = hints
        self._poll_s = poll_s
        self._in_hand = in_hand
        self._cancel = cancel
        self.looks = 0
        """How often it has asked."""

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await wait_for_hint(self._hints.cancels, self._poll_s)
            self.looks += 1
            if not self._in_hand:
                continue
            for job_id in await self._store.cancelled(self._processor, list(self._in_hand)):
                self._cancel(job_id)

    def look_again(self, looks: int) -> None:
        """Ask once more where it has asked since it had done so ``looks`` times.

        A job that was claimed meanwhile may be one whose cancel was heard before the job was known here.
        """
        if looks != self.looks:
            self._hints.cancels.set()
