"""The replica file: who may have it open, and how its transactions go.

Every thread has a connection of its own. So one thread's transaction is never another's, and readers never wait for
a writer (WAL). Writers of one process queue at a lock in memory, because SQLite's own way of waiting, sleeping and
asking again, is neither quick nor fair; between processes that way is what there is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Final, TypeVar

from client_sync.file.lock import WriterTurn
from client_sync.file.on_disk import sync_wholly
from client_sync.file.reading import decode, is_replica, is_there, look_at, open_to_read
from client_sync.file.rights import make_new, share
from client_sync.file.schema import APPLICATION_ID, VERSION, read_numbers
from ledger.errors import Conflict, LedgerError, NotALedger

BUSY_TIMEOUT_S: Final = 10.0
"""How long a writer waits for another one before it gives up with Conflict."""
_LOOK_EVERY_S: Final = 0.01
_LOOKS: Final = 100

T = TypeVar("T")

_inherited: Final[list[object]] = []
"""Connections from before a fork. SQLite forbids using and closing them in the child, so here they stay."""


class Replica:
    """One SQLite file. Opening makes the file, or brings it up to date; safe to use from many threads.

    With ``create`` False, NotALedger is raised unless the file is there and is a replica already. ``read_only`` is
    that, and nothing is written to the file or made beside it, whatever is asked for. Also raises NotALedger for a file
    of another application or a damaged one, SchemaMismatch for one of a newer version; such a file is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True, read_only: bool = False) -> None:
        self.path: Final = Path(path).absolute()  # a thread connects later, from another folder perhaps
        self._writing = threading.Lock()
        self._turn = WriterTurn(self.path)
        self._pid = os.getpid()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._registry = threading.Lock()
        self._local = threading.local()
        self._listeners: list[Callable[[], None]] = []
        self._changes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._read_only: Final = read_only
        if not is_there(self.path):
            if read_only or not create:
                hint = "name the app's file with --db, or submit a job first (or: jobledger sync --create)"
                raise NotALedger(f"no such file: {self.path}", hint=hint)
            make_new(self.path)
        elif not is_replica(self.path) and (read_only or not create):
            hint = "it was left as it is; name the app's file with --db"
            raise NotALedger(f"{self.path} is not a file of jobledger", hint=hint)
        try:
            self.connection()
        except BaseException:
            self._turn.close()
            raise

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if self._closed:
            if connection is not None and self._pid == os.getpid():
                connection.close()
            raise LedgerError(f"{self.path} is closed", hint="open a new JobClient")
        if connection is not None and self._pid == os.getpid():
            if not self._read_only or self._local.seen in (None, look_at(self.path)):
                return connection
            connection.close()
        return self._connect()

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """What ``look`` finds in the file; its errors are translated.

        Where the file is read without locks and was written meanwhile, it looks again: ``look`` may be called more
        than once, and what it raised is of no account then.
        """
        with self.translating():
            if not self._read_only:
                return look(self.connection())
            for _ in range(_LOOKS):
                connection = self.connection()
                try:
                    found = look(connection)
                except Exception:
                    if self._is_current():
                        raise
                else:
                    if self._is_current():
                        return found
            raise self._busy()

    def translating(self) -> AbstractContextManager[None]:
        """Say what SQLite means by an error: a LedgerError of the kind that fits."""
        return _Translating(self)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction: committed at the end of the block, undone when an error leaves it.

        Inside another one of the same thread, the block is a part of that one. Raises Conflict when another writer
        keeps the file for longer than ``BUSY_TIMEOUT_S``, LedgerError when the disk does not take the commit.
        """
        return _Transaction(self)

    def execute(self, statement: str, parameters: Sequence[object] | Mapping[str, object]) -> None:
        """One statement that writes, as a transaction of its own; inside one of the same thread, as a part of that.

        SQLite then keeps no copies of pages for undoing the statement alone. Raises Conflict where another thread keeps
        the file for longer than ``BUSY_TIMEOUT_S``, and SQLite's own errors, untranslated.
        """
        connection = self.connection()
        if connection.in_transaction:
            connection.execute(statement, parameters)
            return
        self._take_turn()
        try:
            connection.execute(statement, parameters)
        finally:
            self._give_turn()
        self._announce()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each commit of this process; calling what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def changes(self) -> int:
        """How many commits this process has made; for ``wait_for_change``."""
        return self._changes

    def wait_for_change(self, seen: int, timeout: float) -> None:
        """Return once ``changes`` is no longer ``seen``, and after ``timeout`` seconds in any case."""
        with self._changed:
            self._changed.wait_for(lambda: self._changes != seen or self._closed, timeout)

    def close(self) -> None:
        """Close the file. What was committed stays; calling again does nothing.

        A connection is closed by its own thread, when that ends or next uses it: closing it from here, while the
        other is inside SQLite, would end the process.
        """
        with self._registry:
            self._closed = True
            if self._pid == os.getpid():
                self._close_unused()
                connection = self._connections.pop(threading.current_thread(), None)
                if connection is not None:
                    connection.close()
                self._connections.clear()
        if self._writing.acquire(blocking=False):  # else a writer is at it, and its turn ends with its process
            self._turn.close()
            self._writing.release()
        self._announce()

    def _is_current(self) -> bool:
        """Whether what was just read was read from files that did not change."""
        return self._local.seen in (None, look_at(self.path))

    def need_writable(self) -> None:
        """Raise LedgerError where the file was opened to read only."""
        if self._read_only:
            raise LedgerError(f"{self.path} is open to read only", hint="open it with JobClient(path) to change it")

    def _take_turn(self) -> None:
        self.need_writable()
        if not self._writing.acquire(timeout=BUSY_TIMEOUT_S):
            raise self._busy()
        try:
            if not self._turn.take(BUSY_TIMEOUT_S):
                raise self._busy()
        except BaseException:
            self._writing.release()
            raise

    def _give_turn(self) -> None:
        self._turn.give()
        self._writing.release()

    def _announce(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
        for listener in tuple(self._listeners):
            listener()

    def _connect(self) -> sqlite3.Connection:
        with self._registry:
            if self._pid != os.getpid():
                _inherited.append(self._connections)
                self._connections = {}
                self._pid = os.getpid()
            self._close_unused()
            connection = self._open()
            self._connections[threading.current_thread()] = connection
            self._local.connection = connection
            return connection

    def _close_unused(self) -> None:
        for thread in [thread for thread in self._connections if not thread.is_alive()]:
            self._connections.pop(thread).close()

    def _open(self) -> sqlite3.Connection:
        if self._read_only:
            with self.translating():
                connection, self._local.seen = open_to_read(self.path)
                read_numbers(connection, self.path)  # its log may say more than its header
                return connection
        with self.translating():
            # a connection that its thread has left behind is closed by another one
            connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self.translating():
                connection.execute("pragma synchronous = full")
                sync_wholly(connection)
                self._bring_up_to_date(connection)
                mode = _use_write_ahead_log(connection)
                share(self.path)
            if mode != "wal":
                raise LedgerError(f"{self.path} cannot use a write-ahead log", hint="choose a file on a local disk")
        except BaseException:
            connection.close()
            raise
        # text that another program wrote in some other encoding must not stop what is around it
        connection.text_factory = decode
        return connection

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        application_id, version = read_numbers(connection, self.path)
        if version == VERSION:
            return
        from client_sync.file.upgrade import bring_up_to_date

        if application_id != APPLICATION_ID:  # nobody writes to it yet
            bring_up_to_date(connection, self.path)
            return
        self._take_turn()
        try:
            bring_up_to_date(connection, self.path)
            connection.execute("pragma wal_checkpoint")  # the header tells older programs, before they open the file
        finally:
            self._give_turn()

    def _trouble(self, error: sqlite3.Error) -> LedgerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return self._busy()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return NotALedger(
                f"{self.path} is damaged: {error}",
                hint=f"it was left as it is; save what it holds: jobledger salvage {quote(str(self.path))} --into NEW",
            )
        return LedgerError(f"{self.path}: {error}", hint="check the disk, and the rights of the file and its folder")

    def _busy(self) -> LedgerError:
        return Conflict(f"{self.path} is busy: another writer has kept it for {BUSY_TIMEOUT_S:.0f} s", hint="try again")


class _Translating(AbstractContextManager[None]):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, sqlite3.Error):
            raise self._replica._trouble(error) from error


class _Transaction(AbstractContextManager[sqlite3.Connection]):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __enter__(self) -> sqlite3.Connection:
        replica = self._replica
        self._connection = replica.connection()
        self._joins = self._connection.in_transaction
        if not self._joins:
            replica._take_turn()
            try:
                with replica.translating():
                    self._connection.execute("begin immediate")
            except BaseException:
                replica._give_turn()
                raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._joins:
            return
        replica = self._replica
        try:
            if error is None:
                with replica.translating():
                    self._connection.commit()
        finally:
            try:
                self._connection.rollback()  # does nothing after a commit
            finally:
                replica._give_turn()
        if error is None:
            replica._announce()


def _use_write_ahead_log(connection: sqlite3.Connection) -> str:
    """Switch the journal mode, once in the life of a file; return the mode it is in.

    The switch makes a reader a writer, and there SQLite does not wait for others by itself: two such would wait for
    each other. Who else has the file at this moment is making it too, and done in an instant.
    """
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            ((mode,),) = connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
            time.sleep(_LOOK_EVERY_S)
        else:
            return str(mode)
