"""What an app has in the same file as the replica: an upgrade leaves it there, or says that it cannot.

An app's trigger on one of our tables or views would go with it, or fire while a step changes it. So the app's triggers
are taken off first, and put back when the upgrade is done, and so is an index that went with a table. Views and
triggers that no longer work then, for instance as a column has gone, are named; the caller undoes everything.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

_ALL: Final = "select type, name, tbl_name, sql from sqlite_schema where sql is not null order by rowid"


class _Object(NamedTuple):
    kind: str
    name: str
    table: str
    sql: str


class OthersObjects:
    """What stays of the tables, indexes, triggers and views in a file: all but those ``dropped`` by name."""

    def __init__(self, connection: sqlite3.Connection, dropped: set[str]) -> None:
        self._connection = connection
        self._looks = 0
        self._before = [each for each in map(_Object._make, connection.execute(_ALL)) if each.name not in dropped]
        self._working = self._works()

    def take_triggers_off(self) -> None:
        """Drop the app's triggers, until ``put_back``."""
        for trigger in self._of("trigger"):
            self._connection.execute(f"drop trigger {_quoted(trigger.name)}")

    def put_back(self) -> str:
        """Make what is missing again, and look whether it works. Gives what worked before and does not any more."""
        there = {(kind, name) for kind, name, *_ in self._connection.execute(_ALL)}
        for each in self._before:
            if (each.kind, each.name) not in there:
                self._connection.execute(each.sql)
        return ", ".join(sorted(self._working - self._works()))

    def _of(self, kind: str) -> list[_Object]:
        return [each for each in self._before if each.kind == kind]

    def _works(self) -> set[str]:
        """The views and triggers that SQLite can compile."""
        self._looks += 1
        triggers = {f"trigger {trigger.name}" for trigger in self._of("trigger") if self._fires(trigger.table)}
        queries = {view.name: f"select * from {_quoted(view.name)}" for view in self._of("view")}  # noqa: S608 - quoted
        return triggers | {f"view {name}" for name, query in queries.items() if self._compiles(query)}

    def _fires(self, table: str) -> bool:
        """Whether all triggers of a table or view compile."""
        try:
            found = self._connection.execute(f"pragma table_info({_quoted(table)})").fetchall()
        except sqlite3.OperationalError:
            return False
        columns = [_quoted(name) for _, name, *_ in found]
        updated = ", ".join(f"{column} = {column}" for column in columns)
        changes = [f"delete from {_quoted(table)}", f"update {_quoted(table)} set {updated}"]  # noqa: S608 - quoted
        values = ", ".join("null" for _ in columns)
        changes.append(f"insert into {_quoted(table)} values ({values})")  # noqa: S608 - quoted
        return all(self._compiles(change) for change in changes)

    def _compiles(self, statement: str) -> bool:
        try:
            # another text each time: Python keeps what it has compiled
            self._connection.execute(f"explain {statement} -- {self._looks}")
        except sqlite3.OperationalError as error:
            # on a view, only what its triggers take over can be written
            return str(error).startswith("cannot modify")
        return True


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
