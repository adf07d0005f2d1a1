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
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from client_sync.care.salvage.pages import Cell, Damaged, Image, Pages, Value, open_pages
from client_sync.file.on_disk import sync_folder
from client_sync.file.reading import is_there
from client_sync.file.replica import Replica
from ledger.errors import Conflict, LedgerError, NotALedger

# The columns of events in version 1. Later versions have more, behind these.
_COLUMNS: Final = (
    "id", "job_id", "type", "v", "owner", "actor", "local_seq", "seq", "life", "occurred_at", "recorded_at",
    "replica_id", "replica_seq", "correlation_id", "causation_id", "data",
)  # fmt: skip
_TEXT: Final = (str,)
_TEXT_OR_NULL: Final = (str, type(None))
_NUMBER_OR_NULL: Final = (int, type(None))
_TYPES: Final[tuple[tuple[type, ...], ...]] = (
    _TEXT, _TEXT_OR_NULL, _TEXT, (int,), _TEXT_OR_NULL, _TEXT_OR_NULL, _NUMBER_OR_NULL, _NUMBER_OR_NULL,
    _NUMBER_OR_NULL, _TEXT, _TEXT_OR_NULL, _TEXT_OR_NULL, _NUMBER_OR_NULL, _TEXT_OR_NULL, _TEXT_OR_NULL, _TEXT,
)  # fmt: skip
_OWNER: Final = 10  # its place in replica
_DETAIL: Final = 5  # its place in refusals
_PAGE_SIZES: Final = (4096, 1024, 2048, 8192, 16384, 32768, 65536, 512)
_SIDE_FILES: Final = ("", "-wal", "-journal")
_ADD: Final = """
    insert into events (id, job_id, type, v, occurred_at, correlation_id, causation_id, data)
    values (:id, :job_id, :type, :v, :occurred_at, :correlation_id, :causation_id, :data)"""

Progress: TypeAlias = Callable[[int, int], None]
"""Hears how many of how many pages were read."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An own event that was read and not carried over, and why."""

    event_id: str
    job_id: str | None
    type: str
    local_seq: int | None
    reason: str


@dataclass(slots=True)
class Salvage:
    """What a salvage found, and what became of it.

    ``salvaged`` events are in the new file. ``acknowledged`` ones the server has, and sends again. ``skipped`` ones
    were read and left out, each for its reason. ``missing`` are the numbers (first, last) of events that the server has
    not acknowledged and that were not found. What is ``bad`` may have been these, or anything else in the file.
    """

    replica_id: str = ""
    owner: str | None = None
    salvaged: int = 0
    acknowledged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    pages: int = 0
    bad_pages: int = 0
    bad_rows: int = 0
    bad_frames: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What the file says of itself, as far as it can be read."""

    replica_id: str | None = None
    owner: str | None = None
    acked_seq: int = 0
    compacted_seq: int = 0
    last_seq: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Found:
    """Where an own event is, so that its text is not in memory before its turn."""

    local_seq: int | None
    image: Image
    pointer: int


def salvage(damaged: Path, into: Path, *, progress: Progress | None = None) -> Salvage:
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
        pages, tables = _open(damaged)
        known = _read_known(pages, tables)
        report = Salvage(owner=known.owner, pages=pages.count)
        found = _find_own(pages, known, report, progress)
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


def _open(damaged: Path) -> tuple[Pages, dict[str, int]]:
    """The file as pages, with the root page of each table and index. What its first page says may be damaged too."""
    for page_size in (None, *_PAGE_SIZES):
        pages = open_pages(damaged, page_size)
        tables = _read_tables(pages)
        if "events" in tables or any(True for image in pages.current() for _ in _events(pages, image, Salvage())):
            return pages, tables
    return open_pages(damaged), {}


def _read_tables(pages: Pages) -> dict[str, int]:
    roots = {}
    for _, row in _rows(pages, 1):
        match row:
            case [str(), str(name), str(), int(root), *_] if 1 <= root <= pages.count:
                roots[name] = root
    return roots


def _read_known(pages: Pages, tables: dict[str, int]) -> _Known:
    for root in tables.values():
        for _ in pages.walk(root):
            pass  # to know which pages are bad
    numbers = [row[0] for _, row in _rows(pages, tables.get("events_by_local_seq"))]
    last_seq = max((number for number in numbers if isinstance(number, int)), default=0)
    refused = {
        row[1]: str(_text(row[_DETAIL]))
        for _, row in _rows(pages, tables.get("refusals"))
        if len(row) > _DETAIL and isinstance(row[1], str)
    }
    for _, row in _rows(pages, tables.get("replica")):
        match row:
            case [_, str(replica_id), int(), int(acked_seq), int(compacted_seq), *_] if len(row) > _OWNER:
                owner = row[_OWNER] if isinstance(row[_OWNER], str) else None
                # a log with damage may have hidden a later row, and with it that a server was restored
                acked_seq = 0 if pages.log.damaged else acked_seq
                return _Known(replica_id, owner, acked_seq, compacted_seq, last_seq, refused)
    return _Known(last_seq=last_seq, refused=refused)


def _find_own(pages: Pages, known: _Known, report: Salvage, progress: Progress | None) -> list[_Found]:
    """Find every own event, and judge it by what the file says of it. Gives those to carry over, in their order."""
    seen: set[str] = set()
    numbers = {0, *([known.last_seq + 1] if known.last_seq else [])}
    owners: set[str] = set()
    found: list[_Found] = []
    images = chain(((image, report) for image in pages.current()), ((image, Salvage()) for image in pages.earlier()))
    for done, (image, counting) in enumerate(images):
        if progress is not None and done % 64 == 0:
            progress(min(done, pages.count), pages.count)
        for cell, row in _events(pages, image, counting):
            event_id, job_id, kind, local_seq, seq = str(row[0]), row[1], str(row[2]), row[6], row[7]
            if (local_seq is None and seq is not None) or event_id in seen:
                continue
            seen.add(event_id)
            assert local_seq is None or isinstance(local_seq, int)
            numbers.add(local_seq or 0)
            if seq is not None and isinstance(row[4], str):
                owners.add(row[4])
            if event_id in known.refused:
                reason = f"the server refused it: {known.refused[event_id]}"
                report.skipped.append(Skipped(event_id, _text(job_id), kind, local_seq, reason))
            elif seq is not None and local_seq is not None and local_seq <= known.acked_seq:
                report.acknowledged += 1
            else:
                found.append(_Found(local_seq, image, cell.pointer))
    if report.owner is None and len(owners) == 1:
        (report.owner,) = owners
    expected_after = max(known.acked_seq, known.compacted_seq)
    report.missing = [
        (max(before, expected_after) + 1, after - 1)
        for before, after in pairwise(sorted(numbers))
        if after - 1 > max(before, expected_after)
    ]
    return sorted(found, key=lambda event: (event.local_seq is None, event.local_seq))


def _write(connection: sqlite3.Connection, pages: Pages, found: list[_Found], report: Salvage) -> None:
    if report.owner is not None:
        connection.execute("update replica set owner = :owner", {"owner": report.owner})
    for event in found:
        row = pages.values(pages.cell(event.image, event.pointer))
        values = dict(zip(_COLUMNS, row, strict=False))
        try:
            connection.execute(_ADD, values)
        except sqlite3.IntegrityError as error:
            skipped = Skipped(str(row[0]), _text(row[1]), str(row[2]), event.local_seq, str(error))
            report.skipped.append(skipped)
        else:
            report.salvaged += 1


def _rows(pages: Pages, root: int | None) -> Iterator[tuple[Cell, list[Value]]]:
    """Every row below a root page that can be read."""
    for image in pages.walk(root) if root else ():
        for cell in pages.cells(image):
            with suppress(Damaged):
                if isinstance(cell, Cell):
                    yield cell, pages.values(cell)


def _events(pages: Pages, image: Image, counting: Salvage) -> Iterator[tuple[Cell, list[Value]]]:
    """Every event of a page, recognised by the types of its columns: no pointer leads here that could be trusted."""
    try:
        for cell in pages.cells(image):
            try:
                if isinstance(cell, Damaged):
                    raise cell
                row = pages.values(cell)
            except Damaged:
                counting.bad_rows += 1
                continue
            if len(row) >= len(_TYPES) and all(map(_is_one_of, row, _TYPES)):
                yield cell, row
    except Damaged:
        return  # pages.bad has it


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
    """What changes when somebody writes the file."""
    log = path.with_name(path.name + "-wal")
    return [(s.st_size, s.st_mtime_ns) for s in (path.stat(), *([log.stat()] if log.exists() else []))]


def _is_one_of(value: Value, types: tuple[type, ...]) -> bool:
    return isinstance(value, types)


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
