"""Values of handlers as JSON text that every reader can read."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from ledger.errors import InvalidEvent
from ledger.model.data import MAX_EVENT_BYTES
from ledger.model.readable import HINT, MAX_DEPTH, find_unreadable, is_suspect

ROOM_FOR_ENVELOPE: Final = 200
"""Bytes that the fields around a value may take."""


def write_json(value: Any, *, what: str) -> str:
    """Write a handler's value as JSON text. Reading the text gives the value back.

    Raises InvalidEvent, which names the field, for a value that some reader cannot read (``ledger.model.readable`` says
    which), that cannot be written, or that is too long to record.
    """
    try:
        written = to_json(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        if wrong := find_unreadable(value, MAX_DEPTH - 1):
            raise InvalidEvent(f"{what}: {wrong}", hint=HINT) from error
        raise InvalidEvent(
            f"{what} cannot be written as JSON: {error}", hint="use what pydantic can serialize"
        ) from error
    text = written.decode()
    # a model writes its NaN as null in every mode, so the values have to be searched
    if is_suspect(text, MAX_DEPTH - 1) or "null" in text or "NaN" in text or "Infinity" in text:
        wrong = find_unreadable(to_jsonable_python(value, inf_nan_mode="constants"), MAX_DEPTH - 1)
        if wrong:
            raise InvalidEvent(f"{what}: {wrong}", hint=HINT)
    if len(written) > MAX_EVENT_BYTES - ROOM_FOR_ENVELOPE:
        raise InvalidEvent(
            f"{what} has {len(written)} bytes of JSON; an event holds {MAX_EVENT_BYTES}",
            hint="store it elsewhere, and record where",
        )
    return text
