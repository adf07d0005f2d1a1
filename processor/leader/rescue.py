"""Bringing back the jobs of processors that are gone."""

from __future__ import annotations

import logging
import random
import time
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from processor.handlers.outcome import conclude_loss
from processor.handlers.retry import ALONE_AFTER
from processor.leader.vigil import Vigil
from processor.work.rows import RECORD, Row, rows_of
from processor.work.rows import parameters as record_parameters

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from processor.settings import Settings

logger = logging.getLogger(__name__)

LOOK: Final = """
    select p.processor, p.beats, false as gone from ledger.processors p where p.stopped_at is null and p.lost_at is null
    union all
    select distinct c.processor, 0, true from ledger.claims c join ledger.processors p on p.processor = c.processor
    where p.stopped_at is not null or p.lost_at is not null
"""
FIND_LOST: Final = """
    select f.processor, f.noticed_by, f.job_id::text, f.attempt, f.losses, f.alone, f.losses_alone, now() as found_at
    from ledger.find_lost(%(silent)s::uuid[], %(beats)s::bigint[], %(overdue)s::boolean[]) f
    order by f.processor
"""
FORGET: Final = "select ledger.forget_claims(%(processor)s)"


class Orphan(NamedTuple):
    """A job that a processor left running. Where it left only claims, ``job_id`` and what follows are None."""

    processor: UUID
    noticed_by: str
    job_id: str | None
    attempt: int
    losses: int
    alone: bool
    losses_alone: int
    found_at: datetime


class Rescuer:
    """Watches the heartbeats of all processors over one connection, and gives up those that are gone.

    ``patient_s``: for so long from now on a free lock proves nothing, as connections have just been broken.
    """

    def __init__(self, connection: AsyncConnection[Any], settings: Settings, *, patient_s: float) -> None:
        self._connection = connection
        self._settings = settings
        self._patient_until = time.monotonic() + patient_s
        self._vigil = Vigil(settings.grace, settings.lease)
        self._left_behind = False

    async def look(self) -> None:
        """See who was heard. To be done also while another leads: so that the next leader need not begin to watch."""
        rows = await (await self._connection.execute(LOOK)).fetchall()
        self._vigil.see([(row["processor"], row["beats"]) for row in rows if not row["gone"]], time.monotonic())
        self._left_behind = any(row["gone"] for row in rows)

    async def rescue(self) -> int:
        """Put the running jobs of processors that are gone back, or end them. Gives the number of those jobs.

        All in one transaction: either a processor's jobs are all settled, or the next call finds them again.
        """
        await self.look()
        now = time.monotonic()
        silent = [one for one in self._vigil.silent(now) if one.overdue or now >= self._patient_until]
        if not silent and not self._left_behind:
            return 0
        parameters = {name: [getattr(one, name) for one in silent] for name in ("beats", "overdue")}
        parameters["silent"] = [one.processor for one in silent]
        rescued = 0
        async with self._connection.transaction(), self._connection.cursor(row_factory=class_row(Orphan)) as cursor:
            orphans = await (await cursor.execute(FIND_LOST, parameters)).fetchall()
            for processor, left in groupby(orphans, key=lambda orphan: orphan.processor):
                rescued += await self._take_back(processor, list(left))
        return rescued

    async def _take_back(self, processor: UUID, left: list[Orphan]) -> int:
        rows = [row for orphan in left if orphan.job_id for row in _settle(orphan, self._settings)]
        if rows:
            await self._connection.execute(RECORD, record_parameters(processor, rows))
        await self._connection.execute(FORGET, {"processor": processor})
        jobs = len({row.job_id for row in rows})
        logger.warning("processor %s is gone: %d jobs were running there", processor, jobs)
        return jobs


def _settle(orphan: Orphan, settings: Settings) -> list[Row]:
    assert orphan.job_id is not None
    ran_alone = orphan.losses >= ALONE_AFTER
    entries = conclude_loss(
        orphan.attempt,
        min(orphan.losses, ALONE_AFTER) + orphan.losses_alone,
        str(orphan.processor),
        orphan.noticed_by,
        orphan.found_at,
        settings.retry,
        alone=orphan.alone if ran_alone else None,
        chance=random.random(),  # noqa: S311  # spreads retries, protects nothing
    )
    return rows_of(orphan.job_id, orphan.attempt, entries, time.time_ns())
