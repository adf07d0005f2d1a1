"""The connections to one file: each thread has its own, and so has each process."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from client_sync.file.reading import Look, look_at
from ledger.errors import LedgerError

_inherited: Final[list[object]] = []
"""Connections from before a fork. SQLite forbids using and closing them in the child, so here they stay."""


class Connections:
    """Opens a connection when a thread first asks, by ``open_one``.

    ``open_one`` also gives what the file looked like, where the connection will not see what is written later: then it
    is opened anew when the file looks different. Else it gives None.
    """

    def __init__(self, path: Path, open_one: Callable[[], tuple[sqlite3.Connection, Look | None]]) -> None:
        self._path, self._open_one = path, open_one
        self._pid = os.getpid()
        self._of: dict[threading.Thread, sqlite3.Connection] = {}
        self._registry = threading.Lock()
        self._local = threading.local()
        self.closed = False

    def __len__(self) -> int:
        return len(self._of)

    def get(self) -> sqlite3.Connection:
        """This thread's connection. Raises LedgerError after ``close``, and what ``open_one`` does."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if self.closed:
            if connection is not None and self._pid == os.getpid():
                connection.close()
            raise LedgerError(f"{self._path} is closed", hint="open a new JobClient")
        if connection is not None and self._pid == os.getpid():
            if self.sees_all_of_it():
                return connection
            connection.close()
        return self._connect()

    def sees_all_of_it(self) -> bool:
        """Whether this thread's connection sees the file as it is now."""
        return self._local.seen is None or self._local.seen == look_at(self._path)

    def close(self) -> None:
        """Close this thread's connection, and those of threads that have ended.

        Other threads close their own connections, when they end or next use them: closing a connection while another
        thread is inside SQLite would end the process.
        """
        with self._registry:
            self.closed = True
            if self._pid == os.getpid():
                self._close_unused()
                connection = self._of.pop(threading.current_thread(), None)
                if connection is not None:
                    connection.close()
                self._of.clear()

    def _connect(self) -> sqlite3.Connection:
        with self._registry:
            if self._pid != os.getpid():
                _inherited.append(self._of)
                self._of = {}
                self._pid = os.getpid()
            self._close_unused()
            connection, self._local.seen = self._open_one()
            self._of[threading.current_thread()] = connection
            self._local.connection = connection
            return connection

    def _close_unused(self) -> None:
        for thread in [thread for thread in self._of if not thread.is_alive()]:
            self._of.pop(thread).close()
