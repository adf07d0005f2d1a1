"""The write-ahead log of an SQLite file: which of its frames hold pages of committed transactions.

SQLite stops reading at the first frame whose checksum is wrong. But each checksum goes on from the one stored in the
frame before it, so that every frame can be checked by itself, and those behind a damaged one are not lost.

Source: "The Write-Ahead Log", section 4 of sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682  # the lowest bit says in which byte order checksums are counted
_DEFAULT_PAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """A page in the log, and where its bytes start. ``page`` is 0 where the frame is damaged."""

    page: int
    offset: int
    length_after: int


@dataclass(slots=True)
class WriteAheadLog:
    """The frames up to the last commit. ``latest`` has the last frame of each page; ``pages`` is the file's length."""

    path: Path
    page_size: int
    frames: list[Frame] = field(default_factory=list)
    latest: dict[int, int] = field(default_factory=dict)
    pages: int = 0

    @property
    def damaged(self) -> int:
        """How many of the frames cannot be used."""
        return sum(frame.page == 0 for frame in self.frames)


def read_wal(path: Path, page_size: int) -> WriteAheadLog:
    """Read a write-ahead log; one without frames where there is none. ``page_size`` 0: as the log says. Raises OSError.

    What follows the last commit was never committed, and is left out, as SQLite does.
    """
    content = b""
    if path.exists():
        with path.open("rb") as file:
            content = file.read(_HEADER.size)
    magic, _, stated_size, _, *salts_and_sums = _HEADER.unpack(content.ljust(_HEADER.size, b"\x00"))
    known = magic & ~1 == _MAGIC
    log = WriteAheadLog(path, page_size or (stated_size if known else _DEFAULT_PAGE))
    if content:
        order = ">" if known and magic & 1 else "<"
        sums = salts_and_sums[2], salts_and_sums[3]
        if len(content) == _HEADER.size and known and _checksum(content[:24], (0, 0), order) == sums:
            _read_frames(log, (salts_and_sums[0], salts_and_sums[1]), sums, order)
        else:
            _read_frames(log, None, None, order)
    return log


def _read_frames(log: WriteAheadLog, salts: tuple[int, int] | None, before: tuple[int, int] | None, order: str) -> None:
    """Check every frame. ``before`` is the checksum that the first one continues from; None where it is not known.

    A frame is damaged where its checksum is wrong and the one before it was right. Behind a damaged frame either of
    the two may be the wrong one: such a frame is used, with no more proof than pages outside of the log ever have.
    A damaged frame that bears the mark of a commit ends its transaction all the same: the other frames are whole.
    """
    frames: list[Frame] = []
    proven = before is not None
    with log.path.open("rb") as file:
        file.seek(_HEADER.size)
        while len(content := file.read(_FRAME.size + log.page_size)) == _FRAME.size + log.page_size:
            page, length_after, *of_frame, sum_1, sum_2 = _FRAME.unpack_from(content)
            salts = salts or (of_frame[0], of_frame[1])  # where the log's own header is damaged
            offset = file.tell() - log.page_size
            if (of_frame[0], of_frame[1]) != salts or page == 0:
                frames.append(Frame(0, offset, 0))  # damaged, or left from before the log began anew
                proven, before = False, None
                continue
            right = before is not None and (sum_1, sum_2) == _checksum(
                content[_FRAME.size :], _checksum(content[:8], before, order), order
            )
            frames.append(Frame(page if right or not proven else 0, offset, length_after))
            proven, before = right, (sum_1, sum_2)
    commits = [number for number, frame in enumerate(frames) if frame.length_after]
    log.frames = frames[: commits[-1] + 1] if commits else []
    if log.frames:
        last = log.frames[-1]  # where it is damaged, so is the length that it gives
        log.pages = last.length_after if last.page else max(frame.page for frame in log.frames)
    log.latest = {frame.page: number for number, frame in enumerate(log.frames) if frame.page}


def _checksum(content: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    """Section 4.2: two sums over pairs of 32-bit numbers, each continuing from the other."""
    first, second = before
    numbers = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(numbers[::2], numbers[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
