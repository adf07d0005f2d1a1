"""Saving what only a damaged file holds: its own events that the server does not have, into a new file.

What the server has is pulled again by the first sync of the new file, so only the rest matters here. In doubt an event
counts as one that the server does not have: it keeps its id, and the server counts it once however often it comes.

The damaged file is only read, page by page (see ``pages``), and stays as it is. SQLite has no checksums outside of its
log: an event whose text was changed into another valid text cannot be told from one that was written so.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from client_sync.care.salvage.find import Found, PagesRead, find_own_events, read_known
from client_sync.care.salvage.pages import Pages
from client_sync.care.salvage.report import Salvage, Skipped
from client_sync.care.salvage.rows import EVENT_COLUMNS, open_damaged, text_or_none
from client_sync.file.on_disk import sync_folder
from client_sync.file.reading import is_there
from client_sync.file.replica import Replica
from ledger.errors import Conflict, LedgerError, NotALedger

_SIDE_FILES: Final = ("", "-wal", "-journal")
_ADD: Final = """
    insert into events (id, job_id, type, v, occurred_at, correlation_id, causation_id, data)
    values (:id, :job_id, :type, :v, :occurred_at, :correlation_id, :causation_id, :data)"""


def salvage(damaged: Path, into: Path, *, progress: PagesRead | None = None) -> Salvage:
    """Make the file ``into`` with the events that ``damaged`` holds and the server may not have, in their order.

    They keep their ids, jobs, times and exact texts; the new file has a replica id of its own, and the same owner.

    Raises NotALedger when nothing of a replica is found, Conflict when ``into`` is there already or ``damaged`` is
    being written. ``into`` is there whole or not at all. Nobody may have ``damaged`` open in this process: reading it
    here would take their locks away (a rule of POSIX).
    """
    for name in (into.name + side for side in _SIDE_FILES):
        if into.with_name(name).exists():
            raise Conflict(f"{into.with_name(name)} is there already", hint="name a file that does not exist yet")
    is_there(damaged)  # a pipe would never end
    try:
        before = _state(damaged)
        pages, tables = open_damaged(damaged)
        known = read_known(pages, tables)
        report = Salvage(owner=known.owner, pages=pages.count)
        found = find_own_events(pages, known, report, progress)
        if not found and not report.acknowledged and "replica_history" not in tables:
            raise NotALedger(f"{damaged} holds nothing that jobledger wrote", hint="it was left as it is")
        with _new_file(into) as replica, replica.translating(), replica.transaction() as connection:
            _write(connection, pages, found, report)
            detail = {"file": str(damaged), "replica_id": known.replica_id, "events": report.salvaged}
            connection.execute(
                "insert into replica_history (what, detail) values ('replica.salvaged', :detail)",
                {"detail": json.dumps(detail)},
            )
            ((report.replica_id,),) = connection.execute("select replica_id from replica")
            if _state(damaged) != before:
                raise Conflict(f"{damaged} is being written", hint="stop what uses it, and salvage again")
    except OSError as error:
        hint = "check the path, its rights and the disk"
        raise LedgerError(f"{error.filename or into}: {error.strerror}", hint=hint) from error
    report.bad_pages, report.bad_frames = len(pages.bad), pages.log.damaged
    return report


def _write(connection: sqlite3.Connection, pages: Pages, found: list[Found], report: Salvage) -> None:
    if report.owner is not None:
        connection.execute("update replica set owner = :owner", {"owner": report.owner})
    for event in found:
        row = pages.values(pages.cell(event.image, event.pointer))
        values = dict(zip(EVENT_COLUMNS, row, strict=False))
        try:
            connection.execute(_ADD, values)
        except sqlite3.IntegrityError as error:
            skipped = Skipped(str(row[0]), text_or_none(row[1]), str(row[2]), event.local_seq, str(error))
            report.skipped.append(skipped)
        else:
            report.salvaged += 1


@contextmanager
def _new_file(into: Path) -> Iterator[Replica]:
    """A new replica, which gets its name at the end of the block, if no error leaves it."""
    with TemporaryDirectory(dir=into.parent, prefix=f".{into.name}-") as folder:
        unfinished = Path(folder) / into.name
        with closing(Replica(unfinished)) as replica:
            yield replica
        try:
            os.link(unfinished, into)  # unlike a renaming, it never takes the place of another file
        except FileExistsError:
            raise Conflict(f"{into} is there already", hint="name a file that does not exist yet") from None
        except OSError:
            unfinished.rename(into)  # a file system without links
        sync_folder(into.parent)


def _state(path: Path) -> list[tuple[int, int] | None]:
    """What changes when a program writes the file."""
    log = path.with_name(path.name + "-wal")
    return [(s.st_size, s.st_mtime_ns) for s in (path.stat(), *([log.stat()] if log.exists() else []))]
