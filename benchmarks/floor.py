"""The floor: the same rows into the same table and indexes, with nothing of ours around them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from client_sync import JobClient

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

COLUMNS: Final = (
    "txid, recorded_at, occurred_at, replica_seq, life, v, id, job_id, correlation_id, causation_id, replica_id, type, "
    "owner, actor, data"
)


def bare_file(path: Path) -> sqlite3.Connection:
    """A new file with the table ``events`` of a replica and its indexes, durable as a replica is; no triggers."""
    model = path.with_suffix(".model")
    JobClient(model).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    with sqlite3.connect(model) as other:
        statements = other.execute(
            "select sql from sqlite_schema where tbl_name = 'events' and type in ('table', 'index') and sql is not null"
        ).fetchall()
    other.close()
    for (statement,) in statements:
        connection.execute(statement)
    return connection


def rows_of_file(path: Path) -> tuple[str, Sequence[Sequence[Any]]]:
    """What a file holds in ``events``: an insert statement, and its rows, without columns that none of them uses."""
    connection = sqlite3.connect(path)
    cursor = connection.execute("select * from events order by rowid")
    columns = dict(zip((column[0] for column in cursor.description), zip(*cursor, strict=True), strict=True))
    connection.close()
    # to bind a null costs Python several times what another value does
    used = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    names, rows = list(used), list(zip(*used.values(), strict=True))
    return f"insert into events ({', '.join(names)}) values ({', '.join('?' * len(names))})", rows  # noqa: S608  names of our own table


def insert_in_batches(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]], size: int) -> None:
    """All the rows, so many a commit."""
    for start in range(0, len(rows), size):
        connection.execute("begin immediate")
        connection.executemany(statement, rows[start : start + size])
        connection.execute("commit")


def bare_table(connection: Connection[DictRow]) -> None:
    """A table like ``ledger.events``, with its indexes and checks and no triggers, empty."""
    connection.execute("drop schema if exists floor cascade")
    connection.execute("create schema floor")
    connection.execute("create table floor.events (like ledger.events including all)")


def stored_rows(connection: Connection[DictRow]) -> list[tuple[Any, ...]]:
    """What ``ledger.events`` holds, as texts for COPY."""
    columns = ", ".join(f"{name.strip()}::text" for name in COLUMNS.split(","))
    query = f"select {columns} from ledger.events where type = 'job.requested' order by txid, replica_seq"  # noqa: S608  names of our own table
    return [tuple(row.values()) for row in connection.execute(query.encode())]


def copy_rows(connection: Connection[DictRow], rows: Sequence[tuple[Any, ...]]) -> None:
    """One COPY, committed."""
    with connection.cursor() as cursor, cursor.copy(f"copy floor.events ({COLUMNS}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
