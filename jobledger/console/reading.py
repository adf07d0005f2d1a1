"""Reading what people type on the command line: JSON and ids."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from ledger.errors import InvalidEvent, LedgerError


def read_json_argument(text: str, *, what: str) -> Any:
    """Read JSON given on the command line: the text itself, ``@file``, or ``-`` for standard input.

    Raises InvalidEvent with the place of the mistake.
    """
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(f"{what}: cannot read {text[1:]}: {error}") from error
    return read_json(text, what=what)


def read_json(text: str, *, what: str) -> Any:
    """Read one JSON text strictly (no NaN, no Infinity). Raises InvalidEvent with the place of the mistake."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(
            f"{what} is not JSON: {error}", hint="quote it in the shell: --params '{\"n\": 1}'"
        ) from error


def read_job_id(text: str) -> UUID:
    """Read a job's id as typed. Raises click's usage error."""
    try:
        return UUID(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is not a job id (a UUID)") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
