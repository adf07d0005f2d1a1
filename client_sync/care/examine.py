"""Looking a replica file over, and saying what to do. The file is only read, and no side file is made or changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Final, TypeAlias

from client_sync.care.environment import examine_disk, examine_lock, examine_log, examine_sqlite
from client_sync.file.mismatches import find_mismatches
from client_sync.file.reading import is_replica, is_there, open_to_read
from client_sync.file.schema import VERSION
from client_sync.sync.unsendable import STORED, why_unsendable
from ledger.errors import LedgerError, one_line
from ledger.finding import Finding
from ledger.model.readable import find_unreadable, read_integer

JOBS_CHECKED: Final = 2000
EVENTS_CHECKED: Final = 2000
OLD_BACKLOG: Final = timedelta(days=1)
CLOCK_MS: Final = 2000
PROBLEMS_SHOWN: Final = 3

_POSITION: Final = """
    select replica_id, owner, acked_seq, epoch, pulled_seq, last_sync_at, last_error, clock_skew_ms from replica"""
_NUMBERS: Final = """
    select p.acked_seq, p.compacted_seq, max(p.compacted_seq, coalesce((select max(e.local_seq) from events e), 0)),
           (select count(*) from events e where e.local_seq > p.compacted_seq)
    from replica p"""
_BACKLOG: Final = """
    select count(*), min(e.occurred_at) from events e where e.local_seq > (select p.acked_seq from replica p)"""
_JOBS: Final = """
    select job_id from jobs union select job_id from events where job_id is not null order by job_id desc"""
_EVENTS: Final = f"""
    select e.v, {STORED} from events e
    where not exists (select 1 from refusals f where f.event_id = e.id)
    order by e.rowid desc limit :latest"""  # noqa: S608 - the names of its columns
_INCIDENTS: Final = """
    select what, count(*), max(at) from replica_history
    where what in ('replica.forked', 'replica.rewound', 'replica.salvaged') group by what order by what"""
_MEANT: Final = {
    "replica.forked": "was found to be a copy, and took a new name",
    "replica.rewound": "met a server that had been restored, and sent again what that had lost",
    "replica.salvaged": "was made from what was left of a damaged file",
}
UNREADABLE: Final = (sqlite3.Error, ValueError)  # ValueError: what is stored is no id, no time or no JSON
JobsChecked: TypeAlias = Callable[[int, int], None]
"""Hears how many of how many jobs were checked."""


def examine(path: Path, *, full: bool = False, progress: JobsChecked | None = None) -> Iterator[Finding]:
    """Look a file over, without a server. ``full`` checks all jobs and events and not only the latest.

    Where the file is no replica, or cannot be read at all, that is the only finding.
    """
    path = path.absolute()
    salvage = f"save what it holds: jobledger salvage {quote(str(path))} --into NEW"
    try:
        if not is_there(path):
            raise LedgerError(f"there is no {path}", hint="name the app's file with --db; the first submit makes it")
        replica = is_replica(path)
    except LedgerError as error:
        yield Finding("fail", "file", error.message, error.hint)
        return
    yield from examine_sqlite()
    yield from examine_disk(path)
    yield examine_log(path)
    yield examine_lock(path)
    try:
        with closing(open_to_read(path)[0]) as connection:
            if not replica:
                yield Finding("note", "file", f"{path} holds no replica yet", "the first submit makes it")
                return
            yield _examine_file(connection, path)
            checks: list[tuple[str, Callable[[], Finding]]] = [
                ("pages", lambda: _examine_pages(connection, salvage)),
                ("numbers", lambda: _examine_numbers(connection, salvage)),
                ("jobs", lambda: _examine_jobs(connection, salvage, full, progress)),
                ("events", lambda: _examine_events(connection, full)),
                ("backlog", lambda: _examine_backlog(connection, path)),
                ("refusals", lambda: _examine_refusals(connection)),
                ("sync", lambda: _examine_sync(connection)),
                ("history", lambda: _examine_history(connection)),
                ("clock", lambda: _examine_clock(connection)),
            ]
            for check, run in checks:
                try:
                    yield run()
                except UNREADABLE as error:
                    yield _unreadable(check, error, salvage)
    except (*UNREADABLE, OSError, LedgerError) as error:
        yield _unreadable("file", error, salvage)


def _unreadable(check: str, error: Exception, salvage: str) -> Finding:
    busy = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    advice = "another program keeps the file to itself: look again when it is done" if busy else salvage
    return Finding("fail", check, f"cannot be read: {one_line(error)}", advice)


def _examine_file(connection: sqlite3.Connection, path: Path) -> Finding:
    ((version,),) = connection.execute("pragma user_version")
    ((replica_id, owner, *_),) = connection.execute(_POSITION)
    whose = f"{owner}'s" if owner else "nobody's yet: the first sync shows whose it is"
    message = f"{path}, version {version}, replica {replica_id}, {whose}"
    if version < VERSION:
        return Finding("note", "file", message, f"the next program that writes it makes it version {VERSION}")
    return Finding("ok", "file", message)


def _examine_pages(connection: sqlite3.Connection, salvage: str) -> Finding:
    problems = [text for (text,) in connection.execute("pragma integrity_check(100)") if text != "ok"]
    if not problems:
        return Finding("ok", "pages", "integrity_check finds nothing wrong")
    shown = "; ".join(" ".join(problem.split()) for problem in problems[:PROBLEMS_SHOWN])
    more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
    return Finding("fail", "pages", f"the file is damaged: {shown}{more}", salvage)


def _examine_numbers(connection: sqlite3.Connection, salvage: str) -> Finding:
    ((acked, compacted, last, count),) = connection.execute(_NUMBERS)
    if count != last - compacted:
        message = f"own events {compacted + 1} to {last} should all be here, but there are {count} of them"
        return Finding("fail", "numbers", message, salvage)
    if acked > last:
        message = f"the server has own events up to number {acked}, the file up to {last}"
        return Finding("fail", "numbers", message, salvage)
    if compacted:
        return Finding(
            "ok", "numbers", f"own events up to {last}, compacted up to {compacted}, without a gap after that"
        )
    return Finding("ok", "numbers", f"own events 1 to {last}, without a gap" if last else "no own event yet")


def _examine_jobs(connection: sqlite3.Connection, salvage: str, full: bool, progress: JobsChecked | None) -> Finding:
    ids = [job_id for (job_id,) in connection.execute(_JOBS)]
    checked = ids if full else ids[:JOBS_CHECKED]
    which = f"all {len(ids)}" if len(checked) == len(ids) else f"the latest {len(checked)} of {len(ids)}"
    wrong = []
    for done, found in enumerate(find_mismatches(connection, checked)):
        wrong += found
        if progress is not None:
            progress(done, len(checked))
    if wrong:
        message = f"of {which} jobs, {len(wrong)} are not what their events say, as {wrong[0]}"
        return Finding("fail", "jobs", message, salvage)
    return Finding("ok", "jobs", f"{which} jobs are what their events say")


def _examine_events(connection: sqlite3.Connection, full: bool) -> Finding:
    count, bad = 0, []
    for v, *stored in connection.execute(_EVENTS, {"latest": -1 if full else EVENTS_CHECKED}):
        count += 1
        if why_unsendable(stored, v) is not None or not _is_readable(stored[-1]):
            bad.append(stored[0].decode("utf-8", "replace"))
    if not bad:
        return Finding("ok", "events", f"of the latest {count}, all can be sent and read" if count else "none yet")
    message = f"of the latest {count} events, {len(bad)} cannot be sent or not be read by every reader, as {bad[0]}"
    return Finding(
        "warn", "events", message, "they stop nobody; those of this file the next sync refuses, and says why"
    )


def _is_readable(data: bytes) -> bool:
    try:
        value = json.loads(data, parse_int=read_integer)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and find_unreadable(value) is None


def _examine_backlog(connection: sqlite3.Connection, path: Path) -> Finding:
    ((count, oldest),) = connection.execute(_BACKLOG)
    if not count:
        return Finding("ok", "backlog", "the server has acknowledged everything")
    age = datetime.now(UTC) - datetime.fromisoformat(oldest)
    message = f"{count} events are saved here and not acknowledged, the oldest for {_rough(age)}"
    return Finding(
        "warn" if age > OLD_BACKLOG else "note", "backlog", message, f"jobledger sync --db {quote(str(path))}"
    )


def _examine_refusals(connection: sqlite3.Connection) -> Finding:
    ((count, last),) = connection.execute("select count(*), max(refused_at) from refusals")
    if not count:
        return Finding("ok", "refusals", "the server refused nothing")
    message = f"the server refused {count} events, the last at {last}"
    return Finding("note", "refusals", message, "see why: jobledger list --status refused, and jobledger show")


def _examine_sync(connection: sqlite3.Connection) -> Finding:
    ((*_, last_sync_at, last_error, _),) = connection.execute(_POSITION)
    when = f"the last sync was at {last_sync_at}" if last_sync_at else "it was never synced"
    if last_error:
        return Finding("warn", "sync", f"{when}; since then: {last_error}", "try again: jobledger sync")
    return Finding("ok" if last_sync_at else "note", "sync", when)


def _examine_history(connection: sqlite3.Connection) -> Finding:
    incidents = [f"{count} times it {_MEANT[what]}, last at {at}" for what, count, at in connection.execute(_INCIDENTS)]
    if not incidents:
        return Finding("ok", "history", "never forked, rewound or salvaged")
    return Finding("note", "history", "; ".join(incidents))


def _examine_clock(connection: sqlite3.Connection) -> Finding:
    ((*_, skew_ms),) = connection.execute(_POSITION)
    if skew_ms is None:
        return Finding("note", "clock", "never compared with a server's")
    return clock_finding(skew_ms, "when they last spoke, the server's clock was")


def clock_finding(skew_ms: int, when: str) -> Finding:
    direction = "ahead of" if skew_ms > 0 else "behind"
    off = timedelta(milliseconds=abs(skew_ms))
    how_much = _rough(off) if off > timedelta(minutes=2) else f"{off.total_seconds():.1f} s"
    message = f"{when} {how_much} {direction} this machine's"
    if abs(skew_ms) <= CLOCK_MS:
        return Finding("ok", "clock", message)
    return Finding("warn", "clock", message, "set this machine's clock (NTP): times claimed here are wrong by as much")


def _rough(age: timedelta) -> str:
    seconds = max(age.total_seconds(), 0)
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
