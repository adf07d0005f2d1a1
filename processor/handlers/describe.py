"""Exceptions as texts: bounded, storable, and read without trusting the exception's own code. Pure.

An exception and its class are the handler's own code: ``__str__`` may raise, recurse or give no text, and
``__traceback__`` may be a property. Every exception gets a description, and nothing here raises.
"""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any, Final

from ledger.errors import LedgerError
from ledger.model.data import JobError

MAX_TYPE_CHARS: Final = 200
MAX_MESSAGE_CHARS: Final = 4_000
MAX_TRACEBACK_CHARS: Final = 16_000
MAX_CHAIN: Final = 50
"""An exception with more causes is shown without them, as the standard library would follow all of them."""

# A class may replace these attributes by code; the functions below read what the interpreter itself keeps.
_KEPT: Final = ("__traceback__", "__cause__", "__context__", "__suppress_context__", "__getattribute__")
_name_of: Final = type.__dict__["__name__"].__get__
_traceback_of: Final = BaseException.__dict__["__traceback__"].__get__
_cause_of: Final = BaseException.__dict__["__cause__"].__get__
_context_of: Final = BaseException.__dict__["__context__"].__get__


def describe_exception(error: object, *, retryable: bool) -> JobError:
    """An exception as it is recorded, or whatever was given in place of one."""
    return JobError(type=type_name(error), message=_message(error), traceback=_traceback(error), retryable=retryable)


def drop_first_frame(error: BaseException) -> None:
    """Let the traceback begin one call further in, where the handler's own code is."""
    whole: TracebackType | None = _traceback_of(error)
    if whole is not None:
        BaseException.with_traceback(error, whole.tb_next)


def type_name(value: object) -> str:
    """The name of a value's type, whatever its metaclass says."""
    return storable(_name_of(type(value)), MAX_TYPE_CHARS)


def storable(text: str, limit: int) -> str:
    """Text for people to read: bounded, with a mark in place of characters that Postgres cannot hold."""
    # That is NUL, and half of a surrogate pair. Only str's own methods are called, whatever a subclass makes of them.
    start = str.__getitem__(text, slice(limit + 1))
    clean = str.replace(start, "\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _message(error: object) -> str:
    try:
        said = storable(str(error), MAX_MESSAGE_CHARS)
    except BaseException as trouble:
        return f"what it says cannot be read: its __str__ raised {type_name(trouble)}"
    if not issubclass(type(error), LedgerError):
        return said
    try:
        hint = error.hint  # type: ignore[attr-defined]  # every LedgerError has one
        return storable(f"{said} ({hint})", MAX_MESSAGE_CHARS) if hint else said
    except BaseException:
        return said


def _traceback(error: Any) -> str | None:
    if not issubclass(type(error), BaseException) or (kept := _traceback_of(error)) is None:
        return None
    try:
        lines = traceback.format_exception(error) if _is_plain(error) else traceback.format_tb(kept)
        # the end of a traceback is where it happened
        return storable("".join(lines)[-MAX_TRACEBACK_CHARS:], MAX_TRACEBACK_CHARS)
    except BaseException as trouble:
        return f"the traceback cannot be read: {type_name(trouble)}"


def _is_plain(error: BaseException) -> bool:
    """Whether the interpreter keeps this exception's causes, and they are few."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kind = type(one)
        if len(seen) > MAX_CHAIN or any(getattr(kind, name) is not getattr(BaseException, name) for name in _KEPT):
            return False
        left += [_cause_of(one), _context_of(one)]
    return True
