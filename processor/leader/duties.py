"""Doing a leader's duties, each when it is due. One that fails is put off, and seen; the others go on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from ledger.errors import ServerUnreachable, one_line
from ledger.ports.store import BrokenOff, NotAllowed

if TYPE_CHECKING:
    from ledger.ports.store import Store
    from processor.leader.duty import Duty
    from processor.session.clock import ServerClock

logger = logging.getLogger(__name__)

MAX_CHARS: Final = 500
PAUSE_S: Final = 0.1
"""After a statement was cancelled from outside, or met a deadlock: the session is as good as before."""


class Duties:
    """The duties of the leader with this id, in the order in which they are done."""

    def __init__(self, store: Store, leader: UUID, clock: ServerClock, duties: Sequence[Duty]) -> None:
        self._store = store
        self._leader = leader
        self._clock = clock
        self._duties = duties

    def next_in_s(self) -> float:
        """In how many seconds the next one is due."""
        return min(duty.starts_in_s() for duty in self._duties)

    async def do_what_is_due(self) -> None:
        """Do each that is due once. Raises ServerUnreachable and NotAllowed: then nothing goes on."""
        for duty in self._duties:
            if duty.starts_in_s() <= 0:
                await self._do(duty)

    async def _do(self, duty: Duty) -> None:
        before = duty.failing
        try:
            await duty.run()
        except BrokenOff as error:
            logger.warning("leader: %s was broken off: %s", duty.name, one_line(error))
            duty.put_off(PAUSE_S)
            return
        except (ServerUnreachable, NotAllowed):
            raise
        except Exception as error:
            duty.failed(_first_line(error), self._clock.now())
            logger.error("%s: %s", duty.trouble, one_line(error))
        else:
            duty.went_well()
            if before is not None:
                logger.info("the leader's duty %r goes on", duty.name)
        if duty.failing != before:
            failing = [other.failing for other in self._duties if other.failing is not None]
            await self._store.note_failing(self._leader, failing)


def _first_line(error: Exception) -> str:
    """What Postgres says first; where in its functions that was stands in the log."""
    lines = str(error).splitlines()
    return lines[0][:MAX_CHARS] if lines else type(error).__name__
