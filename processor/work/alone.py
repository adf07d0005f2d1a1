"""Running a job alone, when processors were lost with it.

Which of its jobs brought a processor down cannot be told from outside. So a job that was lost ``ALONE_AFTER`` times
runs with no other beside it, and only what it does then counts against it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from processor.handlers.outcome import Deferred

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from processor.work.attempt import ActiveAttempt
    from processor.work.lanes import Lane

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 30.0
"""For how long such a job keeps others from starting here, and is then put off so that they may run."""
LOOK_S: Final = 0.02


class Alone:
    """The one attempt of this processor that runs alone, if there is one, from its claim until it is over.

    ``flush`` waits until all ends are recorded; ``in_hand`` holds all attempts of this processor.
    """

    def __init__(
        self,
        lanes: Sequence[Lane[ActiveAttempt]],
        in_hand: Mapping[str, ActiveAttempt],
        *,
        flush: Callable[[], Awaitable[None]],
        start: Callable[[ActiveAttempt], None],
        finish: Callable[[ActiveAttempt, Deferred], None],
    ) -> None:
        self._lanes = lanes
        self._in_hand = in_hand
        self._flush = flush
        self._start = start
        self._finish = finish
        self._task: asyncio.Task[None] | None = None
        self.attempt: ActiveAttempt | None = None

    @property
    def waiting(self) -> ActiveAttempt | None:
        """The attempt, while it has not begun."""
        return self.attempt if self.attempt is not None and not self.attempt.is_started else None

    def take(self, suspects: Sequence[ActiveAttempt]) -> None:
        """Let the first of these run as soon as nothing else does. One at a time: the others are given back."""
        if self.attempt is None and suspects:
            self.attempt, *suspects = suspects
            for lane in self._lanes:
                lane.paused = True
            self._task = asyncio.create_task(self._run(self.attempt))
        for attempt in suspects:
            self._finish(attempt, Deferred(after=0))

    def end(self) -> None:
        """The attempt is over: others may run again."""
        self.attempt = None
        for lane in self._lanes:
            lane.paused = False
            lane.may_have_work = True

    async def _run(self, attempt: ActiveAttempt) -> None:
        job = attempt.job
        logger.warning("job %s: %d processors were lost with it; it waits here to run alone", job.job_id, job.losses)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not attempt.over and (  # noqa: ASYNC110  # an event for this would cost each job
                    len(self._in_hand) > 1 or any(lane.running for lane in self._lanes)
                ):
                    await asyncio.sleep(LOOK_S)
                # in the ledger, too, nothing else may run here when it starts
                await self._flush()
        except TimeoutError:
            if not attempt.over:
                logger.warning("job %s: other jobs still run here, so it is given back", job.job_id)
                self._finish(attempt, Deferred(after=PATIENCE_S))
        if not attempt.over:
            self._start(attempt)
