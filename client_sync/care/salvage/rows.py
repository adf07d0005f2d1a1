"""The rows of a replica, read from its pages: found by their table, or recognised by the types of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from client_sync.care.salvage.pages import Cell, Image, Pages, open_pages
from client_sync.care.salvage.records import Damaged, Value
from client_sync.care.salvage.report import Salvage

# The columns of events in version 1. Later versions have more, behind these.
EVENT_COLUMNS: Final = (
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
_PAGE_SIZES: Final = (4096, 1024, 2048, 8192, 16384, 32768, 65536, 512)


def open_damaged(damaged: Path) -> tuple[Pages, dict[str, int]]:
    """The file as pages, with the root page of each table and index. What its first page says may be damaged too."""
    for page_size in (None, *_PAGE_SIZES):
        pages = open_pages(damaged, page_size)
        tables = _read_tables(pages)
        if "events" in tables or any(True for image in pages.current() for _ in events_of(pages, image, Salvage())):
            return pages, tables
    return open_pages(damaged), {}


def _read_tables(pages: Pages) -> dict[str, int]:
    roots = {}
    for _, row in rows_below(pages, 1):
        match row:
            case [str(), str(name), str(), int(root), *_] if 1 <= root <= pages.count:
                roots[name] = root
    return roots


def rows_below(pages: Pages, root: int | None) -> Iterator[tuple[Cell, list[Value]]]:
    """Every row below a root page that can be read."""
    for image in pages.walk(root) if root else ():
        for cell in pages.cells(image):
            with suppress(Damaged):
                if isinstance(cell, Cell):
                    yield cell, pages.values(cell)


def events_of(pages: Pages, image: Image, report: Salvage) -> Iterator[tuple[Cell, list[Value]]]:
    """Every event of a page, recognised by the types of its columns: no pointer leads here that could be trusted."""
    try:
        for cell in pages.cells(image):
            try:
                if isinstance(cell, Damaged):
                    raise cell
                row = pages.values(cell)
            except Damaged:
                report.bad_rows += 1
                continue
            if len(row) >= len(_TYPES) and all(map(_is_one_of, row, _TYPES)):
                yield cell, row
    except Damaged:
        return  # pages.bad has it


def _is_one_of(value: Value, types: tuple[type, ...]) -> bool:
    return isinstance(value, types)


def text_or_none(value: Value) -> str | None:
    """The value where it is a text."""
    return value if isinstance(value, str) else None
