"""The replica file, and how it is read and written.

Each thread has a connection of its own. So no thread joins another's transaction, and readers never wait for a writer
(WAL). Writers of one process wait at a lock in memory: SQLite itself waits by sleeping and asking again, which is slow
and not fair. Between processes there is nothing better.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from client_sync.file.connections import Connections
from client_sync.file.lock import WriterLock
from client_sync.file.opening import open_to_write
from client_sync.file.reading import Look, is_replica, is_there, open_to_read
from client_sync.file.rights import make_new
from client_sync.file.schema import read_numbers
from client_sync.file.sqlite_errors import Translating, busy
from ledger.errors import LedgerError, NotALedger

BUSY_TIMEOUT_S: Final = 10.0
"""How long a writer waits for another one before it gives up with Conflict."""
_LOOKS: Final = 100

T = TypeVar("T")


class Replica:
    """One SQLite file. Opening makes the file, or brings it up to date; safe to use from many threads.

    With ``create`` False, NotALedger is raised unless the file is there and is a replica already. ``read_only`` is
    that, and nothing is written to the file or made beside it, whatever is asked for. Also raises NotALedger for a file
    of another application or a damaged one, SchemaMismatch for one of a newer version; such a file is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True, read_only: bool = False) -> None:
        self.path: Final = Path(path).absolute()  # a thread may connect later, from another folder
        self._writer_thread = threading.Lock()
        self._writer_process = WriterLock(self.path)
        self._connections = Connections(self.path, self._open)
        self._listeners: list[Callable[[], None]] = []
        self._changes = 0
        self._changed = threading.Condition()
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
            self._writer_process.close()
            raise

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit mode."""
        return self._connections.get()

    def read(self, look: Callable[[sqlite3.Connection], T]) -> T:
        """What ``look`` finds in the file; its errors are translated.

        Where the file is read without locks and was written meanwhile, ``look`` is called again, whatever it returned
        or raised.
        """
        with self.translating():
            if not self._read_only:
                return look(self.connection())
            for _ in range(_LOOKS):
                connection = self.connection()
                try:
                    found = look(connection)
                except Exception:
                    if self._connections.sees_all_of_it():
                        raise
                else:
                    if self._connections.sees_all_of_it():
                        return found
            raise self._busy()

    def translating(self) -> AbstractContextManager[None]:
        """Raise, in place of an error of SQLite, the LedgerError that fits."""
        return Translating(self.path, BUSY_TIMEOUT_S)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A write transaction: committed at the end of the block, undone when an error leaves it.

        Inside another transaction of the same thread, the block is a part of that one. Raises Conflict when another
        writer keeps the file for longer than ``BUSY_TIMEOUT_S``, LedgerError when the disk does not take the commit.
        """
        return _Transaction(self)

    def execute(self, statement: str, parameters: Sequence[object] | Mapping[str, object]) -> None:
        """Run one statement as a transaction of its own, or as a part of the one that this thread is in.

        Alone, SQLite needs no copies of pages to undo the statement. Raises Conflict where another thread keeps
        the file for longer than ``BUSY_TIMEOUT_S``, and SQLite's own errors, untranslated.
        """
        connection = self.connection()
        if connection.in_transaction:
            connection.execute(statement, parameters)
            return
        self._lock()
        try:
            connection.execute(statement, parameters)
        finally:
            self._unlock()
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
            self._changed.wait_for(lambda: self._changes != seen or self._connections.closed, timeout)

    def close(self) -> None:
        """Close the file. What was committed stays; calling again does nothing.

        Other threads close their own connections, when they end or next use them.
        """
        self._connections.close()
        if self._writer_thread.acquire(blocking=False):  # else a thread is writing, and the lock ends with the process
            self._writer_process.close()
            self._writer_thread.release()
        self._announce()

    def need_writable(self) -> None:
        """Raise LedgerError where the file was opened to read only."""
        if self._read_only:
            raise LedgerError(f"{self.path} is open to read only", hint="open it with JobClient(path) to change it")

    def _lock(self) -> None:
        self.need_writable()
        if not self._writer_thread.acquire(timeout=BUSY_TIMEOUT_S):
            raise self._busy()
        try:
            if not self._writer_process.acquire(BUSY_TIMEOUT_S):
                raise self._busy()
        except BaseException:
            self._writer_thread.release()
            raise

    def _unlock(self) -> None:
        self._writer_process.release()
        self._writer_thread.release()

    def _announce(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep other writers out for the block."""
        self._lock()
        try:
            yield
        finally:
            self._unlock()

    def _open(self) -> tuple[sqlite3.Connection, Look | None]:
        with self.translating():
            if not self._read_only:
                return open_to_write(self.path, timeout=BUSY_TIMEOUT_S, writing=self._writing), None
            connection, seen = open_to_read(self.path)
            read_numbers(connection, self.path)  # its log may say more than its header
            return connection, seen

    def _busy(self) -> LedgerError:
        return busy(self.path, BUSY_TIMEOUT_S)


class _Transaction(AbstractContextManager[sqlite3.Connection]):
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __enter__(self) -> sqlite3.Connection:
        replica = self._replica
        self._connection = replica.connection()
        self._joins = self._connection.in_transaction
        if not self._joins:
            replica._lock()
            try:
                with replica.translating():
                    self._connection.execute("begin immediate")
            except BaseException:
                replica._unlock()
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
                replica._unlock()
        if error is None:
            replica._announce()
