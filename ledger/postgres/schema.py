"""Installing and checking the Postgres side. The whole of it is schema.sql."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from ledger.errors import Conflict, LedgerError, NotALedger, SchemaMismatch
from ledger.postgres.database import connect
from ledger.postgres.steps import read_schema

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

VERSION: Final = 2
"""The version of schema.sql: what ``install`` makes, and ``upgrade`` leads to."""
OLDEST: Final = 2
"""The oldest schema that this code works with. The newest is for the schema to say: its ``oldest_code``."""
MINIMUM_SERVER: Final = 150000
LOCK_TIMEOUT: Final = "10s"
"""How long an installation waits for another one."""


def installed_version(connection: Connection[Any]) -> int | None:
    """The schema version in this database, or None where there is no ledger. Raises NotALedger for a foreign schema."""
    found = _value(connection, "select to_regnamespace('ledger') is not null")
    if not found:
        return None
    if not _value(connection, "select to_regclass('ledger.schema_version') is not null"):
        raise NotALedger(
            "this database has a schema named ledger that is not a job ledger's", hint="choose another database"
        )
    version = _value(connection, "select max(version) from ledger.schema_version")
    return int(version)


def check(connection: Connection[Any]) -> None:
    """Make sure that the database holds a schema this code works with: one of a range of versions.

    Raises NotALedger where there is none, SchemaMismatch where it is too old or too new. Changes nothing.
    """
    version = installed_version(connection)
    if version is None:
        raise NotALedger("this database has no job ledger", hint="install it: jobledger init")
    if not (version >= OLDEST and _oldest_code(connection) <= VERSION):
        mismatch(version)


def open_ledger(dsn: str, *, application_name: str = "jobledger") -> Connection[DictRow]:
    """Connect to a database whose schema this code works with. Raises as ``connect`` and ``check`` do."""
    connection = connect(dsn, application_name=application_name)
    try:
        check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def install(connection: Connection[Any]) -> bool:
    """Install schema.sql in one transaction; True if it was not there before. Calling again changes nothing.

    Raises SchemaMismatch where a schema of another version is found (see ``upgrade``), Conflict where another
    installation does not end, LedgerError for a server older than Postgres 15 or a database that is not UTF-8. Either
    way the database stays as it was. Needs the right to create schemas and roles.
    """
    import psycopg

    need_server(connection)
    try:
        with connection.transaction():
            connection.execute("select set_config('lock_timeout', %(limit)s, true)", {"limit": LOCK_TIMEOUT})
            version = installed_version(connection)
            if version is None:
                # one message with many statements, as psql would send it; schema.sql holds no parameters
                connection.execute(read_schema().encode())
                return True
    except (psycopg.errors.DuplicateSchema, psycopg.errors.UniqueViolation):
        # Two installations at once: the second waits at the name of the schema, then finds the first one's work.
        version = installed_version(connection)
        if version is None:
            raise
    except psycopg.errors.LockNotAvailable as error:
        raise Conflict(
            f"somebody else is making a schema named ledger here, and has not ended within {LOCK_TIMEOUT}",
            hint="run it again, or find out whose transaction stays open: pg_stat_activity",
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise LedgerError(
            f"this role may not install the schema: {error.diag.message_primary}",
            hint="use a role that may create schemas and roles",
        ) from error
    if version != VERSION:
        mismatch(version)
    return False


def need_server(connection: Connection[Any]) -> None:
    """Raise LedgerError for a server or a database that cannot hold a ledger."""
    from ledger.postgres.session import insist_on_utf8

    insist_on_utf8(connection)
    if connection.info.server_version < MINIMUM_SERVER:
        raise LedgerError(
            f"this server is PostgreSQL {connection.info.server_version // 10000}", hint="use PostgreSQL 15 or later"
        )


def mismatch(version: int) -> NoReturn:
    """Raise SchemaMismatch for a schema that this code cannot work with, or is older than."""
    if version > VERSION:
        hint = "upgrade jobledger; a schema is never downgraded"
    else:
        hint = "upgrade the schema: jobledger init"
    raise SchemaMismatch(f"the database holds schema {version}; this jobledger knows {VERSION}", hint=hint)


def _oldest_code(connection: Connection[Any]) -> int:
    # as JSON, because the first schema has no such column
    query = """select coalesce((to_jsonb(v) ->> 'oldest_code')::integer, v.version)
               from ledger.schema_version v order by v.version desc limit 1"""
    return int(_value(connection, query))


def _value(connection: Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        return None
    return next(iter(row.values())) if isinstance(row, dict) else row[0]
