"""The schema of the replica file: recognising a file as ours, and bringing it up to date.

``replica.sql`` is the schema. SQLite keeps two numbers in the header of every file, and they say what a file is:
``application_id`` that it is a replica, ``user_version`` of which version. A file that is up to date costs two
``pragma`` reads; sqlite-utils, which runs the migrations, is imported only for a file that is not.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

from ledger.errors import LedgerError, NotALedger, SchemaMismatch
from ledger.model.ids import new_id

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

APPLICATION_ID: Final = 0x4A4C4452
"""``JLDR``: what ``application_id`` says of a replica."""
VERSION: Final = 1
"""The ``user_version`` that this code works with."""
MINIMUM_SQLITE: Final = (3, 40, 0)


def inspect_header(path: Path) -> int:
    """Look at the numbers in the header of an existing file, before it is opened: opening some files changes them.

    Gives the application_id, which is 0 where nobody has set it. Raises NotALedger or SchemaMismatch for a file that is
    not ours. The file is only read, and by SQLite: to open and close it in any other way takes away the locks that this
    process has on it (a rule of POSIX), and another process would then delete the log while it is in use.
    """
    try:
        # immutable: no lock is taken, no log is looked at, and no side file is made
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            ((application_id,),) = connection.execute("pragma application_id")
            ((version,),) = connection.execute("pragma user_version")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_NOTADB:
            raise LedgerError(f"cannot open {path}: {error}", hint="check the path and its rights") from error
        raise NotALedger(
            f"{path} is not an SQLite file",
            hint=f"choose another file; or if it was one, jobledger salvage {quote(str(path))} --into NEW",
        ) from error
    _judge(str(path), application_id & 0xFFFF_FFFF, version)
    return int(application_id & 0xFFFF_FFFF)


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the file behind ``connection`` a replica of this version, in one transaction, unless it is one.

    The connection must be in autocommit mode. Raises NotALedger or SchemaMismatch, with the file as it was.
    """
    if _is_current(connection, path):
        return
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        raise LedgerError(f"this Python has SQLite {sqlite3.sqlite_version}", hint="use SQLite 3.40 or later")
    from sqlite_utils import Database

    connection.execute("begin immediate")
    try:
        # two processes open a new file at once: the second waits, then finds the first one's work
        if not _is_current(connection, path):
            _check_names(connection, path)
            _migrations().apply(Database(connection, recursive_triggers=False, execute_plugins=False))
            connection.execute(f"pragma application_id = {APPLICATION_ID:d}")  # a pragma takes no parameters
            connection.execute(f"pragma user_version = {VERSION:d}")
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, one at a time, so that they run in the caller's transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_current(connection: sqlite3.Connection, path: Path) -> bool:
    # in this order: another process may be making the file, and writes both numbers in one commit
    ((version,),) = connection.execute("pragma user_version")
    ((application_id,),) = connection.execute("pragma application_id")
    _judge(str(path), application_id & 0xFFFF_FFFF, version)
    return bool(application_id == APPLICATION_ID and version == VERSION)


def _judge(path: str, application_id: int, version: int) -> None:
    if application_id not in (0, APPLICATION_ID):
        raise NotALedger(
            f"{path} is another application's file (application_id {application_id:#x})",
            hint="choose another file; this one was left as it is",
        )
    if application_id == 0 and version != 0:
        raise NotALedger(
            f"{path} uses user_version ({version}) for something else", hint="keep the replica in a file of its own"
        )
    if version > VERSION:
        raise SchemaMismatch(
            f"{path} was written by a newer jobledger (version {version}; this one knows {VERSION})",
            hint="upgrade jobledger; the file was left as it is",
        )


def _check_names(connection: sqlite3.Connection, path: Path) -> None:
    ((application_id,),) = connection.execute("pragma application_id")
    if application_id == APPLICATION_ID:
        return
    taken = connection.execute(
        "select name from sqlite_schema where name in"
        " ('replica', 'replica_history', 'events', 'jobs', 'refusals', 'shown_jobs', 'next_number', 'deep_events',"
        " 'compaction', 'compactable_jobs', 'judged_requests') order by name"
    ).fetchall()
    if taken:
        names = ", ".join(name for (name,) in taken)
        raise NotALedger(f"{path} has tables of its own named {names}", hint="keep the replica in a file of its own")


def _migrations() -> Migrations:
    from sqlite_utils.migrations import Migrations

    migrations = Migrations("jobledger replica")

    @migrations()
    def v1_replica(db: Database) -> None:
        for statement in statements(Path(__file__).with_name("replica.sql").read_text(encoding="utf-8")):
            db.conn.execute(statement)
        db.table("replica").insert({"replica_id": new_id.text()})
        db.table("replica_history").insert({"what": "replica.created"})

    return migrations
