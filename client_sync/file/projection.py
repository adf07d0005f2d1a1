"""Keeping ``jobs`` what its events add up to, by the one fold that the server's side uses too.

The folded state of an unfinished job with many events is kept beside its row, so that new events are folded on top of
it. Where there is none, or it is not enough (an own event was confirmed and now has the server's time, one was refused,
an epoch of the server ended), the job is folded anew from all of its events that count: see ``COUNTING``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias
from uuid import UUID

from client_sync.file.job_writer import COUNTING, Folded, write_jobs
from client_sync.file.recent import Recent
from ledger.model.facts import read_fact, read_id
from ledger.model.fold import JobState, fold, load_state

StoredFact: TypeAlias = tuple[str, str, int, str, str, str, str, str | None]
"""What the fold reads of an event: id, type, v, owner, actor, time, data, correlation_id."""

# The rows come job by job, as SQLite keeps to the order of a cross join; an "order by" would sort them with all their
# data. A job without any event that counts gives one row of nulls.
_COUNTED_FACTS: Final = f"""
    select i.value, e.id, e.type, e.v, coalesce(e.owner, p.owner, 'local'), coalesce(e.actor, p.owner, 'local'),
           coalesce(e.recorded_at, e.occurred_at), e.data, e.correlation_id
    from json_each(:job_ids) i cross join replica p
    left join events e on e.job_id = i.value {COUNTING}"""  # noqa: S608 - the constant
_KEPT_FOLD: Final = "select fold from jobs where job_id = :job_id"


def refold(connection: sqlite3.Connection, job_id: str) -> None:
    """Fold a job anew from all of its events that count, and write its row. Belongs into the caller's transaction."""
    refold_all(connection, [job_id])


def refold_all(connection: sqlite3.Connection, job_ids: Sequence[str], recent: Recent | None = None) -> None:
    """Fold these jobs anew. Belongs into the caller's transaction."""
    if job_ids:
        write_jobs(connection, _folded_anew(connection, job_ids, recent or Recent()))


def extend(
    connection: sqlite3.Connection,
    news: Mapping[str, Sequence[StoredFact]],
    known: Mapping[str, bool],
    recent: Recent,
) -> None:
    """Fold further events of jobs, which are stored already, and write their rows.

    ``known`` names the jobs of which the file held events before, and says whether a state is kept of each. What is new
    is folded on top of a job's ``recent`` or kept state; where there is none, the job is folded anew. Belongs into the
    caller's transaction.
    """
    anew: list[str] = []
    write_jobs(connection, _extended(connection, news, known, recent, anew))
    refold_all(connection, anew, recent)


def _extended(
    connection: sqlite3.Connection,
    news: Mapping[str, Sequence[StoredFact]],
    known: Mapping[str, bool],
    recent: Recent,
    anew: list[str],
) -> Iterator[Folded]:
    for job_id, facts in news.items():
        state = recent.take(job_id)
        if state is None:
            if job_id not in known:
                state = JobState(read_id(job_id))
            elif known[job_id]:
                ((kept,),) = connection.execute(_KEPT_FOLD, {"job_id": job_id})
                state = load_state(kept)
            else:
                anew.append(job_id)
                continue
        yield job_id, _folded_on(job_id, state, facts, recent), state.request


def _folded_anew(connection: sqlite3.Connection, job_ids: Sequence[str], recent: Recent) -> Iterator[Folded]:
    rows = connection.execute(_COUNTED_FACTS, {"job_ids": json.dumps(job_ids)})
    for job_id, found in groupby(rows, key=itemgetter(0)):
        facts = (row[1:] for row in found if row[1] is not None)
        yield job_id, _folded_on(job_id, JobState(_id(job_id)), facts, recent), None


def _id(job_id: str) -> UUID:
    try:
        return read_id(job_id)
    except ValueError:  # it was stored past the checks; its events are refused, and no job is shown under this id
        return UUID(int=0)


def _folded_on(job_id: str, state: JobState, facts: Iterable[StoredFact], recent: Recent) -> JobState:
    size = 0
    for fact in facts:
        size += len(fact[6])
        state = fold(state, read_fact(*fact))
    recent.put(job_id, state, size)
    return state
