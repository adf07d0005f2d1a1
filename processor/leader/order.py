"""The duty that puts events in order.

A pass brings work: where this processor has room, a claim is made together with it, in the same round trip.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar, Final

from processor.leader.duty import Duty

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from ledger.ports.store import ClaimRequest, Pass, Store
    from processor.session.hints import Hints

    ClaimAlong = Callable[[Callable[[ClaimRequest], Awaitable[Pass]]], Awaitable[Pass | None]]
    """A claimer's door: it has a pass made together with its claim, or gives None where it has none to make."""

SHORTEST_GAP_S: Final = 0.002
LONGEST_GAP_S: Final = 0.05
GAP_PER_EVENT_S: Final = 0.0001
"""After a pass that found many events more are on their way: a little patience makes the next one worth its cost."""
LIGHT_PASS: Final = 100
"""After a pass of more events than these the next is long as well, and the claimer does not wait for it."""


def rest_s(took_s: float, sequenced: int) -> float:
    """How long to rest after a look that took so long and found so many events, in seconds.

    As long as it took, so that there is time for others; but not where that was long because much waited: then more has
    come meanwhile, and to rest would hold up the log.
    """
    return min(max(took_s, sequenced * GAP_PER_EVENT_S, SHORTEST_GAP_S), LONGEST_GAP_S)


class Order(Duty):
    """Makes a pass whenever there may be something to order, and at least every ``poll_s``.

    ``still_leads`` is asked before each pass; ``claim_along`` may have it made together with a claim; ``expect`` is
    told when the next waiting job is due.
    """

    name: ClassVar = "order"
    trouble: ClassVar = "the log cannot go on"

    def __init__(
        self,
        store: Store,
        hints: Hints,
        poll_s: float,
        *,
        still_leads: Callable[[], Awaitable[bool]],
        claim_along: ClaimAlong,
        expect: Callable[[datetime | None], None],
    ) -> None:
        super().__init__()
        self._store = store
        self._hints = hints
        self._poll_s = poll_s
        self._still_leads = still_leads
        self._expect = expect
        self._claim_along = claim_along
        self._due_at = 0.0
        self._last_sequenced = 0

    def look_soon(self) -> None:
        """There may be something to order."""
        self._due_at = 0.0

    def due_in_s(self) -> float:
        return self._due_at - time.monotonic()

    async def run(self) -> None:
        self._due_at = time.monotonic() + self._poll_s
        began = time.monotonic()
        sequenced = await self._order_all()
        self._due_at = time.monotonic() + self._poll_s
        await asyncio.sleep(rest_s(time.monotonic() - began, sequenced))

    async def _order_all(self) -> int:
        """Put in order all there is to see. Gives the number of events."""
        total, more = 0, True
        while more and await self._still_leads():
            made = await self._make_pass()
            total, more = total + made.sequenced, made.more
        return total

    async def _make_pass(self) -> Pass:
        made = None
        if self._last_sequenced <= LIGHT_PASS:
            made = await self._claim_along(self._store.sequence_and_claim)
        if made is None:
            made = await self._store.sequence()
            if made.new_work:
                self._hints.tell_of_work()
        self._last_sequenced = made.sequenced
        self._expect(made.next_due)
        return made
