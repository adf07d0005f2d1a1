"""How grant and revoke say what they have done."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from jobledger.console.output import emit_json, say

if TYPE_CHECKING:
    from jobledger.admin.grants import Grant


def whom(on_behalf_of: str) -> str:
    """Whose jobs a client may act for, in words."""
    return "every owner" if on_behalf_of == "*" else on_behalf_of


def report(done: Grant, line: str, as_json: bool) -> None:
    """Print ``done`` as JSON, or ``line`` for people."""
    if as_json:
        emit_json(asdict(done))
    else:
        say(line + ("; its password is set" if done.password_set else ""))
