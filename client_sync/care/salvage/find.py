"""Finding the own events that a damaged file holds, and deciding which of them the server may not have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final, TypeAlias

from client_sync.care.salvage.pages import Image, Pages
from client_sync.care.salvage.report import Salvage, Skipped
from client_sync.care.salvage.rows import events_of, rows_below, text_or_none

_OWNER: Final = 10  # its place in replica
_DETAIL: Final = 5  # its place in refusals

PagesRead: TypeAlias = Callable[[int, int], None]
"""Hears how many of how many pages were read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the file says of itself, as far as it can be read."""

    replica_id: str | None = None
    owner: str | None = None
    acked_seq: int = 0
    compacted_seq: int = 0
    last_seq: int = 0
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """Where an own event is, so that its text is read only when it is written."""

    local_seq: int | None
    image: Image
    pointer: int


def read_known(pages: Pages, tables: dict[str, int]) -> Known:
    """Read the rows of replica and refusals, and on the way which pages are bad."""
    for root in tables.values():
        for _ in pages.walk(root):
            pass  # pages.bad collects them
    numbers = [row[0] for _, row in rows_below(pages, tables.get("events_by_local_seq"))]
    last_seq = max((number for number in numbers if isinstance(number, int)), default=0)
    refused = {
        row[1]: str(text_or_none(row[_DETAIL]))
        for _, row in rows_below(pages, tables.get("refusals"))
        if len(row) > _DETAIL and isinstance(row[1], str)
    }
    for _, row in rows_below(pages, tables.get("replica")):
        match row:
            case [_, str(replica_id), int(), int(acked_seq), int(compacted_seq), *_] if len(row) > _OWNER:
                owner = row[_OWNER] if isinstance(row[_OWNER], str) else None
                # a log with damage may have hidden a later row, and with it that a server was restored
                acked_seq = 0 if pages.log.damaged else acked_seq
                return Known(replica_id, owner, acked_seq, compacted_seq, last_seq, refused)
    return Known(last_seq=last_seq, refused=refused)


def find_own_events(pages: Pages, known: Known, report: Salvage, progress: PagesRead | None) -> list[Found]:
    """Find every own event, and count it by what the file says of it. Gives those to carry over, in their order."""
    seen: set[str] = set()
    numbers = {0, *([known.last_seq + 1] if known.last_seq else [])}
    owners: set[str] = set()
    found: list[Found] = []
    unread = Salvage()  # of earlier images, what cannot be read is no loss
    images = chain(((image, report) for image in pages.current()), ((image, unread) for image in pages.earlier()))
    for done, (image, counting) in enumerate(images):
        if progress is not None and done % 64 == 0:
            progress(min(done, pages.count), pages.count)
        for cell, row in events_of(pages, image, counting):
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
                report.skipped.append(Skipped(event_id, text_or_none(job_id), kind, local_seq, reason))
            elif seq is not None and local_seq is not None and local_seq <= known.acked_seq:
                report.acknowledged += 1
            else:
                found.append(Found(local_seq, image, cell.pointer))
    if report.owner is None and len(owners) == 1:
        (report.owner,) = owners
    expected_after = max(known.acked_seq, known.compacted_seq)
    report.missing = [
        (max(before, expected_after) + 1, after - 1)
        for before, after in pairwise(sorted(numbers))
        if after - 1 > max(before, expected_after)
    ]
    return sorted(found, key=lambda event: (event.local_seq is None, event.local_seq))
