"""Reading an SQLite file page by page, without SQLite: what is left of a damaged one.

SQLite finds rows by following pointers, so that one bad page hides everything behind it. But a row lies whole in one
leaf page and in the overflow pages that its cell names: reading every leaf for itself finds every row that is not
damaged itself. The file and its write-ahead log are only read, with plain reads and without SQLite's locks.

Source: "Database File Format", sqlite.org/fileformat2.html, whose section numbers the comments give.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client_sync.care.salvage.frames import WriteAheadLog, read_wal
from client_sync.care.salvage.records import Damaged, Value, decode_record, varint

MAGIC: Final = b"SQLite format 3\x00"

_INTERIOR: Final = (0x02, 0x05)
_LEAVES: Final = (0x0A, 0x0D)
_TABLE_LEAF: Final = 0x0D
_HEADER_BYTES: Final = 100
_LARGEST_ROW: Final = 1 << 26
_ENCODINGS: Final = {2: "utf-16-le", 3: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Image:
    """A page as it was at some time: in frame ``frame`` of the log, or (-1) in the file."""

    page: int
    frame: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of a leaf: where it is, its rowid in a table, and as much of it as lies in the leaf itself."""

    image: Image
    pointer: int
    key: int
    size: int
    local: bytes
    overflow: int


@dataclass(slots=True)
class Pages:
    """The pages of a file and of its write-ahead log. ``bad`` collects those that could not be read."""

    path: Path
    log: WriteAheadLog
    page_size: int
    reserved: int
    encoding: str
    count: int
    bad: set[int] = field(default_factory=set)

    @property
    def usable(self) -> int:
        """The bytes of a page that hold content."""
        return self.page_size - self.reserved

    def current(self) -> Iterator[Image]:
        """Each page as it is now: as the log has it last, or else the file."""
        for number in range(1, self.count + 1):
            yield self.latest(number)

    def earlier(self) -> Iterator[Image]:
        """The other images that there are, the latest first: useful where a later one is damaged."""
        for frame in reversed(range(len(self.log.frames))):
            page = self.log.frames[frame].page
            if page and self.log.latest.get(page) != frame:
                yield Image(page, frame)
        for page in sorted(self.log.latest):
            yield Image(page, -1)

    def latest(self, number: int) -> Image:
        """A page as it is now."""
        return Image(number, self.log.latest.get(number, -1))

    def read(self, image: Image) -> bytes:
        """The bytes of a page. Raises Damaged where there are none, or the disk does not give them."""
        path, offset, why = self.path, (image.page - 1) * self.page_size, "is cut off"
        if image.frame >= 0:
            path, offset = self.log.path, self.log.frames[image.frame].offset
        try:
            with path.open("rb") as file:
                file.seek(offset)
                content = file.read(self.page_size)
        except OSError as error:
            content, why = b"", str(error.strerror)
        if len(content) < self.page_size:
            if image == self.latest(image.page):
                self.bad.add(image.page)
            raise Damaged(f"page {image.page}: {why}")
        return content

    def walk(self, root: int) -> Iterator[Image]:
        """The leaves below a root page, as far as they can be reached; what cannot goes into ``bad``. Section 1.6."""
        seen: set[int] = set()
        ahead = [root]
        while ahead:
            number = ahead.pop()
            if number in seen:
                continue
            seen.add(number)
            image = self.latest(number)
            try:
                content = self.read(image)
                start, kind, pointers = self._header(number, content)
                if kind in _LEAVES:
                    yield image
                    continue
                (right,) = struct.unpack_from(">I", content, start + 8)
                lefts = (struct.unpack_from(">I", content, pointer)[0] for pointer in pointers)
                children = [*lefts, right]
                self.bad.update(child for child in children if not 1 <= child <= self.count)
                ahead += [child for child in reversed(children) if 1 <= child <= self.count]
            except (Damaged, struct.error):
                self.bad.add(number)

    def cells(self, image: Image) -> Iterator[Cell | Damaged]:
        """The rows of a leaf; in the place of a row that cannot be read, the reason. Nothing for other pages."""
        content = self.read(image)
        try:
            _, kind, pointers = self._header(image.page, content)
        except (Damaged, struct.error):
            return
        for pointer in pointers if kind in _LEAVES else ():
            try:
                yield self._cell(image, content, pointer, kind == _TABLE_LEAF)
            except (Damaged, struct.error, IndexError) as error:
                yield Damaged(f"page {image.page}: {error}")

    def cell(self, image: Image, pointer: int) -> Cell:
        """One row of a leaf of a table, found before."""
        return self._cell(image, self.read(image), pointer, of_table=True)

    def values(self, cell: Cell) -> list[Value]:
        """The columns of a row. Raises Damaged."""
        payload = cell.local
        follows, taken = cell.overflow, 0
        while len(payload) < cell.size:  # section 1.7: a chain of pages, each naming the next
            if not 1 <= follows <= self.count or taken > self.count:
                raise Damaged("the chain of its pages is broken")
            content = self.read(self._beside(cell.image, follows))
            (follows,) = struct.unpack_from(">I", content)
            payload += content[4 : self.usable][: cell.size - len(payload)]
            taken += 1
        try:
            return decode_record(payload, self.encoding)
        except (IndexError, UnicodeDecodeError, struct.error) as error:
            raise Damaged(f"its columns cannot be read: {error}") from error

    def _beside(self, image: Image, number: int) -> Image:
        """A page as it was at the time of ``image``: later it may have been used for something else."""
        if image == self.latest(image.page):
            return self.latest(number)
        frames = self.log.frames
        end = image.frame
        while end >= 0 and not frames[end].length_after:
            end += 1
        for frame in range(end, -1, -1):
            if frames[frame].page == number:
                return Image(number, frame)
        if number in self.log.latest:
            raise Damaged(f"page {number} was used for something else since")
        return Image(number, -1)

    def _header(self, number: int, content: bytes) -> tuple[int, int, list[int]]:
        """Where a page's header starts, its kind, and where its cells are. Section 1.6."""
        start = _HEADER_BYTES if number == 1 else 0
        kind = content[start]
        if kind not in _LEAVES + _INTERIOR:
            raise Damaged("not a page of rows")
        (cells,) = struct.unpack_from(">H", content, start + 3)
        first = start + (8 if kind in _LEAVES else 12)
        if first + 2 * cells > self.usable:
            raise Damaged("more cells than fit into a page")
        return start, kind, list(struct.unpack_from(f">{cells}H", content, first))

    def _cell(self, image: Image, content: bytes, pointer: int, of_table: bool) -> Cell:
        size, at = varint(content, pointer)
        key, at = varint(content, at) if of_table else (0, at)
        if not 0 <= size <= _LARGEST_ROW:
            raise Damaged("a row that is too large")
        # section 1.6: how much of a row stays in its leaf
        most = self.usable - 35 if of_table else (self.usable - 12) * 64 // 255 - 23
        here, overflow = size, 0
        if size > most:
            least = (self.usable - 12) * 32 // 255 - 23
            here = least + (size - least) % (self.usable - 4)
            here = here if here <= most else least
            (overflow,) = struct.unpack_from(">I", content, at + here)
        if at + here > self.usable:
            raise Damaged("a row that reaches over the end of its page")
        return Cell(image, pointer, key, size, content[at : at + here], overflow)


def open_pages(path: Path, page_size: int | None = None) -> Pages:
    """Look at a file as pages; ``page_size`` in bytes overrules what its first page says. Raises OSError."""
    length = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES).ljust(_HEADER_BYTES, b"\x00")
    stated = int.from_bytes(header[16:18], "big")
    stated = 65536 if stated == 1 else stated
    if not header.startswith(MAGIC) or stated < 512 or stated & (stated - 1):
        stated = 0
    log = read_wal(path.with_name(path.name + "-wal"), page_size or stated)
    size = page_size or stated or log.page_size or 4096
    return Pages(
        path=path,
        log=log,
        page_size=size,
        reserved=header[20] if stated and size - header[20] >= 480 else 0,  # section 1.3.4
        encoding=_ENCODINGS.get(header[59], "utf-8") if stated else "utf-8",
        count=max(-(-length // size), log.pages),
    )
