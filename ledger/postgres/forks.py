"""Connections belong to the process that made them: a child that it forks lets go of them at once.

For Postgres a session lives as long as any process holds its socket. A child that inherits one keeps a dead processor
alive, with its locks; and one that closes the connection in its own way says goodbye in its parent's name. So in the
child each socket is replaced by /dev/null. A program that is executed needs none of this: sockets are close-on-exec.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

C = TypeVar("C", bound="Connection[Any] | AsyncConnection[Any]")
_open: Final[WeakSet[Any]] = WeakSet()


def keep_from_children(connection: C) -> C:
    """Have children that are forked from now on let go of this connection."""
    _open.add(connection)
    return connection


def _let_go() -> None:
    connections, nothing = list(_open), -1
    _open.clear()
    for connection in connections:
        if connection.closed:
            continue
        if nothing < 0:
            nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, connection.fileno(), inheritable=False)
    if nothing >= 0:
        os.close(nothing)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_let_go)
