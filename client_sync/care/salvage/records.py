"""The record format of SQLite: how the columns of one row are stored.

Source: "Database File Format", sqlite.org/fileformat2.html, whose section numbers the comments give.
"""

from __future__ import annotations

import struct
from typing import Final, TypeAlias

Value: TypeAlias = int | float | str | bytes | None

_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class Damaged(Exception):
    """This page, cell or row cannot be what SQLite wrote."""


def varint(content: bytes, at: int) -> tuple[int, int]:
    """The number that starts at a place, and where it ends. Section 1.6."""
    value = 0
    for n in range(9):
        byte = content[at + n]
        if n == 8:
            value = value << 8 | byte
            return value - (1 << 64) if value >= 1 << 63 else value, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    raise AssertionError("the ninth byte is the last")


def decode_record(payload: bytes, encoding: str) -> list[Value]:
    """The columns of a record. Section 2.1."""
    end, at = varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = varint(payload, at)
        kinds.append(kind)
    if at != end:
        raise Damaged("its header has no end")
    values: list[Value] = []
    for kind in kinds:
        if kind == 0:
            values.append(None)
        elif kind in _INTEGER_BYTES:
            length = _INTEGER_BYTES[kind]
            values.append(int.from_bytes(payload[at : at + length], "big", signed=True))
            at += length
        elif kind == 7:
            values.append(struct.unpack_from(">d", payload, at)[0])
            at += 8
        elif kind in (8, 9):
            values.append(kind - 8)
        elif kind >= 12:
            length = (kind - 12) // 2
            content = payload[at : at + length]
            values.append(content.decode(encoding) if kind % 2 else content)
            at += length
        else:
            raise Damaged(f"a column of the unknown kind {kind}")
    if at != len(payload):
        raise Damaged("its columns do not fill it")
    return values
