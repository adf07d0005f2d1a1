"""Requests from a file of JSON lines: all are checked before one is used, however long the file is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from client_sync.file.limits import ServerLimits
from client_sync.file.submission import Submission
from client_sync.file.valid_request import request_text
from jobledger.console.reading import read_json
from ledger.errors import InvalidEvent, LedgerError


@contextmanager
def checked_requests(source: str, defaults: Mapping[str, Any], limits: ServerLimits) -> Iterator[Iterator[Submission]]:
    """The requests in ``source`` (a path, or ``-`` for standard input), one JSON object a line.

    ``defaults`` are the fields that a line may leave out, ``limits`` what the server takes. Raises InvalidEvent with
    the number of the line that is wrong, before the first request is given. The checked lines wait in a temporary
    file: standard input cannot be read twice, and memory is bounded.
    """
    checked = False
    try:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
            for number, line in _lines(source):
                try:
                    given = read_json(line, what="the line")
                    if not isinstance(given, dict):
                        raise InvalidEvent("the line is not a JSON object", hint='as in {"params": {"path": "a.txt"}}')
                    fields = {**defaults, **given}
                    request_text(Submission.of(fields), limits)
                except InvalidEvent as error:
                    raise InvalidEvent(f"{source}, line {number}: {error}", hint="nothing of it was saved") from error
                spool.write(json.dumps(fields) + "\n")
            spool.seek(0)
            checked = True
            yield (Submission.of(json.loads(line)) for line in spool)
    except OSError as error:
        if checked:
            raise  # it is about what is done with the requests
        raise LedgerError(
            f"cannot keep the requests in {tempfile.gettempdir()}: {error.strerror}",
            hint="make room, or name another folder with TMPDIR; nothing was saved",
        ) from error


def _lines(source: str) -> Iterator[tuple[int, str]]:
    try:
        with click.open_file(source, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"cannot read {source}: {error}", hint="one JSON object a line, in UTF-8") from error
