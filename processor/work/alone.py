"""Running a job alone: processors were lost with it, and whatever ran beside it was lost as well.

Nobody can tell from outside which of the jobs brought a processor down. So one that was lost ``ALONE_AFTER`` times runs
with no other beside it, and only what it does then counts against it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from processor.handlers.outcome import Deferred, Settled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from processor.work.attempt import Attempt
    from processor.work.lanes import Lane
    from processor.work.recorder import Recorder

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 30.0
"""How long such a job keeps others from starting here, and how long they then go before it."""
LOOK_S: Final = 0.02


class Alone:
    """The one attempt of this processor that runs alone, if there is one, from its claim until it is over."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        recorder: Recorder,
        in_hand: Mapping[str, Attempt],
        start: Callable[[Attempt], None],
        finish: Callable[[Attempt, Settled], None],
    ) -> None:
        self._lanes = lanes
        self._recorder = recorder
        self._in_hand = in_hand
        self._start = start
        self._finish = finish
        self._task: asyncio.Task[None] | None = None
        self.attempt: Attempt | None = None

    @property
    def waiting(self) -> Attempt | None:
        """The attempt, while it has not begun."""
        return self.attempt if self.attempt is not None and not self.attempt.is_started else None

    def take(self, suspects: Sequence[Attempt]) -> None:
        """Let the first of these run as soon as nothing else does. One at a time: the others are given back."""
        if self.attempt is None and suspects:
            self.attempt, *suspects = suspects
            for lane in self._lanes:
                lane.held = True
            self._task = asyncio.create_task(self._run(self.attempt))
        for attempt in suspects:
            self._finish(attempt, Deferred(after=0))

    def end(self) -> None:
        """The attempt is over: others may run again."""
        self.attempt = None
        for lane in self._lanes:
            lane.held = False
            lane.hungry = True

    async def _run(self, attempt: Attempt) -> None:
        job = attempt.job
        logger.warning("job %s: %d processors were lost with it; it waits here to run alone", job.job_id, job.losses)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not attempt.over and (  # noqa: ASYNC110  # an event for this would cost each job
                    len(self._in_hand) > 1 or any(lane.running for lane in self._lanes)
                ):
                    await asyncio.sleep(LOOK_S)
                # in the ledger, too, nothing else may run here when it starts
                await self._recorder.flush()
        except TimeoutError:
            if not attempt.over:
                logger.warning("job %s: other jobs still run here, so it is given back", job.job_id)
                self._finish(attempt, Deferred(after=PATIENCE_S))
        if not attempt.over:
            self._start(attempt)
