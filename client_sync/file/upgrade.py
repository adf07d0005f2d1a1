"""Making a file a replica of this version: a new one from ``replica.sql``, an older one step by step.

All of it is one transaction, so that a crash at any point leaves the old file or the new one. The upgrade of an older
file drops our triggers and views, runs the numbered steps in ``upgrades/``, and makes triggers and views anew from
the second half of ``replica.sql``. What an app has in the same file stays: see ``OthersObjects``.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from client_sync.file.others_objects import OthersObjects
from client_sync.file.schema import APPLICATION_ID, VERSION, read_numbers
from ledger.errors import LedgerError, NotALedger, SchemaMismatch
from ledger.model.ids import new_id

if TYPE_CHECKING:
    from sqlite_utils import Database

MINIMUM_SQLITE: Final = (3, 40, 0)
SCHEMA: Final = Path(__file__).with_name("replica.sql")
STEPS: Final = Path(__file__).with_name("upgrades")
_CODE_BEGINS: Final = re.compile(r"^-- Code\. ", re.MULTILINE)
_CREATED: Final = re.compile(r"^create (table|view|trigger|unique index|index) (\w+)", re.MULTILINE)
_DROPPED: Final = re.compile(r"^drop (?:table|index|trigger|view) (?:if exists )?(\w+);", re.MULTILINE)
_SECOND_RECORD: Final = ("_sqlite_migrations", "idx__sqlite_migrations_migration_set_name")


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Make the file behind ``connection`` a replica of this version, in one transaction, unless it is one.

    The connection must be in autocommit mode. Raises NotALedger or SchemaMismatch, with the file as it was.
    """
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        raise LedgerError(f"this Python has SQLite {sqlite3.sqlite_version}", hint="use SQLite 3.40 or later")
    connection.execute("begin immediate")
    try:
        # two processes open a file at once: the second waits, then finds the first one's work
        application_id, version = read_numbers(connection, path)
        if application_id == 0:
            _make(connection, path)
        elif version < VERSION:
            try:
                _upgrade(connection, path, version)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT):
                    raise  # the disk, another writer, damage
                raise _cannot_upgrade(path, version, str(error)) from error
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def halves() -> tuple[str, str]:
    """``replica.sql`` in its two halves: what holds data, and the triggers and views."""
    schema = SCHEMA.read_text(encoding="utf-8")
    mark = _CODE_BEGINS.search(schema)
    assert mark is not None
    return schema[: mark.start()], schema[mark.start() :]


def steps_after(version: int) -> list[str]:
    """The upgrade steps that lead from a version to this one, in their order."""
    steps = {int(file.name[:4]): file for file in STEPS.glob("[0-9][0-9][0-9][0-9]_*.sql")}
    return [steps[number].read_text(encoding="utf-8") for number in range(version + 1, VERSION + 1)]


def statements(script: str) -> Iterator[str]:
    """The statements of an SQL script, one at a time, so that they run in the caller's transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _make(connection: sqlite3.Connection, path: Path) -> None:
    schema = "".join(halves())
    if taken := _taken(connection, schema):
        raise NotALedger(f"{path} has tables of its own named {taken}", hint="keep the replica in a file of its own")
    _run(connection, schema)
    database = _tables_of(connection)
    database.table("replica").insert({"replica_id": new_id.text()})
    database.table("replica_history").insert({"what": "replica.created"})
    connection.execute(f"pragma application_id = {APPLICATION_ID:d}")  # a pragma takes no parameters
    connection.execute(f"pragma user_version = {VERSION:d}")


def _upgrade(connection: sqlite3.Connection, path: Path, version: int) -> None:
    code = halves()[1]
    steps = steps_after(version)
    ours = set(_DROPPED.findall(steps[0]))
    if taken := _taken(connection, code, but=ours):
        raise _cannot_upgrade(path, version, f"the app has something of its own named {taken}")
    others = OthersObjects(connection, ours.union(_SECOND_RECORD))
    others.take_triggers_off()
    for step in steps:
        _run(connection, step)
    database = _tables_of(connection)
    if version == 1:
        forget_second_record(database)
    _run(connection, code)
    if broken := others.put_back():
        raise _cannot_upgrade(path, version, f"the app's {broken} would no longer work")
    detail = json.dumps({"from": version, "to": VERSION})
    database.table("replica_history").insert({"what": "replica.upgraded", "detail": detail})
    connection.execute(f"pragma user_version = {VERSION:d}")


def forget_second_record(database: Database) -> None:
    """Take away the record of the version that files of version 1 have beside ``user_version``.

    The migrations of sqlite-utils wrote it. An app may have its own in the same table: then the table stays.
    """
    record = database.table("_sqlite_migrations")
    if record.exists():
        record.delete_where("migration_set = :ours", {"ours": "jobledger replica"})
        if record.count == 0:
            record.drop()


def _tables_of(connection: sqlite3.Connection) -> Database:
    """The file as sqlite-utils sees it. It is imported here: a file that is up to date does without."""
    from sqlite_utils import Database

    return Database(connection, recursive_triggers=False, execute_plugins=False)


def _taken(connection: sqlite3.Connection, schema: str, but: set[str] | None = None) -> str:
    """The names that ``schema`` is about to use and something else in the file already has; "" where there is none."""
    wanted = {name: kind for kind, name in _CREATED.findall(schema)}
    return ", ".join(
        name
        for kind, name in connection.execute("select type, name from sqlite_schema order by name")
        # triggers have names among themselves
        if name in wanted and name not in (but or ()) and (kind == "trigger") == (wanted[name] == "trigger")
    )


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in statements(script):
        connection.execute(statement)


def _cannot_upgrade(path: Path, version: int, why: str) -> SchemaMismatch:
    return SchemaMismatch(
        f"{path} cannot be upgraded from version {version} to {VERSION}: {why}",
        hint="the file was left as it is; change what the app has there, or go on with the jobledger that made it",
    )
