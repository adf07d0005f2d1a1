"""What the command line prints, all of it.

What is printed was written by others, so a character that could move a terminal's cursor, forge a line or turn the
order of letters is shown as its number, as in \\u001b; in JSON that is the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

_UNSEEN: Final = re.compile(
    # C0, DEL and C1; marks and embeddings of the Unicode bidirectional algorithm (UAX #9); line and paragraph
    # separators; halves of surrogate pairs, which have no place in UTF-8
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


_BETWEEN_TOKENS: Final = str.maketrans("\t\n\r", "   ")


def printable(text: str) -> str:
    """The text with each character that a terminal would obey, instead of show, as its number."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(line: object = "") -> None:
    """Print one line, and nothing more than one, on standard output."""
    click.echo(printable(str(line)))


def say_aside(line: str) -> None:
    """Print one line on standard error: for people, beside the data on standard output."""
    click.echo(printable(line), err=True)


def emit_json(value: Any) -> None:
    """Print one value as one line of JSON; times are RFC 3339 in UTC, UUIDs are texts."""
    emit_json_text(json.dumps(value, default=_plain, ensure_ascii=False))


def emit_json_text(text: str) -> None:
    """Print a JSON text on one line. What is unseen can only stand inside its strings, where an escape is equal."""
    say(text.translate(_BETWEEN_TOKENS))


def emit_table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as aligned columns under their names."""
    cells = [list(columns)] + [
        ["" if row.get(c) is None else printable(str(_plain_text(row[c]))) for c in columns] for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shorten(text: str, width: int) -> str:
    """The text on one line, cut to ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID | Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _plain_text(value: Any) -> Any:
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
