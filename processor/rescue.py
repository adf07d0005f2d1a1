"""Bringing back the jobs of processors that are gone."""

from __future__ import annotations

import logging
import random
import time
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from processor.outcome import conclude_loss
from processor.rows import RECORD, Row, parameters, rows_of

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from processor.settings import Settings

logger = logging.getLogger(__name__)

FIND_LOST: Final = """
    select f.processor, f.noticed_by, f.job_id::text, f.attempt, f.losses, now() as found_at
    from ledger.find_lost(%(grace)s, %(lease)s) f
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
    found_at: datetime


async def rescue(connection: AsyncConnection[Any], settings: Settings) -> int:
    """Give up processors that are gone, and put their running jobs back or end them. Gives the number of those jobs.

    All in one transaction: either a processor's jobs are all settled, or the next call finds them again.
    """
    limits = {"grace": timedelta(seconds=settings.grace), "lease": timedelta(seconds=settings.lease)}
    rescued = 0
    async with connection.transaction(), connection.cursor(row_factory=class_row(Orphan)) as cursor:
        orphans = await (await cursor.execute(FIND_LOST, limits)).fetchall()
        for processor, left in groupby(orphans, key=lambda orphan: orphan.processor):
            rows = [row for orphan in left if orphan.job_id for row in _settle(orphan, settings)]
            if rows:
                await connection.execute(RECORD, parameters(processor, rows))
            await connection.execute(FORGET, {"processor": processor})
            jobs = len({row.job_id for row in rows})
            logger.warning("processor %s is gone: %d jobs were running there", processor, jobs)
            rescued += jobs
    return rescued


def _settle(orphan: Orphan, settings: Settings) -> list[Row]:
    assert orphan.job_id is not None
    entries = conclude_loss(
        orphan.attempt,
        orphan.losses,
        str(orphan.processor),
        orphan.noticed_by,
        orphan.found_at,
        settings.retry,
        chance=random.random(),  # noqa: S311  # spreads retries, protects nothing
    )
    return rows_of(orphan.job_id, orphan.attempt, entries, time.time_ns())
