"""Whether everybody may do what they are to, and nothing else: what schema.sql has given, held against what is there.

Rights get lost without anybody noticing: a dump is restored without its grants, or somebody tidies up by hand. The
ledger keeps a list of what was installed (``ledger.rights``), each with the statement that gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.errors import Conflict, LedgerError, one_line

if TYPE_CHECKING:
    from psycopg import Connection

LOCK_TIMEOUT: Final = "2s"
"""For changing rights: some statements need a table for themselves, and who waits for one holds up all behind."""

_DIFFERENCES: Final = """
    select coalesce(r.what, f.what) as what, f.what is null as missing,
           case when f.what is null then r.give else f.take end as mend
    from ledger.rights r full join ledger.rights_found f on f.what = r.what
    where r.what is null or f.what is null
    order by 2, coalesce(r.place, f.place), 1
"""


class Difference(NamedTuple):
    """A right that is missing, or one too many. ``mend`` is the statement that mends it, if one can."""

    what: str
    missing: bool
    mend: str | None

    def __str__(self) -> str:
        return f"{'missing' if self.missing else 'too much'}: {self.what}"


def find_differences(connection: Connection[Any]) -> list[Difference]:
    """Compare the rights with those that were installed. Reads only; any login that may read the ledger can."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Difference)) as cursor:
        return cursor.execute(_DIFFERENCES.encode()).fetchall()


def lacks_rights(error: BaseException) -> bool:
    """Whether the server has refused a statement as the login may not do that."""
    from psycopg.errors import InsufficientPrivilege

    return isinstance(error, InsufficientPrivilege)


def lock_rights(connection: Connection[Any]) -> None:
    """Let nobody else change rights until this transaction ends: who comes second waits, then finds the first's work.

    Only the owner of the ledger can hold this lock, so strangers cannot keep anybody waiting. Raises Conflict where
    another session does not end in time.
    """
    from psycopg import errors

    connection.execute("select set_config('lock_timeout', %(limit)s, true)", {"limit": LOCK_TIMEOUT})
    try:
        connection.execute("lock table ledger.schema_version in share row exclusive mode")
    except errors.LockNotAvailable as error:
        raise _busy() from error


def mend(connection: Connection[Any], *, leave_additions: bool = False) -> list[Difference]:
    """Make the rights what they were when the schema was installed; what was mended. All in one transaction.

    Raises Conflict where others keep a table from being changed, LedgerError where this session may not, or where
    something is left that has to be mended by hand (with ``leave_additions``: only where it is missing). Either way
    nothing has changed.
    """
    from psycopg import errors

    try:
        if not find_differences(connection):
            return []
        with connection.transaction():
            lock_rights(connection)
            found = find_differences(connection)
            for difference in found:
                if difference.mend is not None:
                    connection.execute(difference.mend.encode())
            left = [d for d in find_differences(connection) if d.missing or not leave_additions]
            if left:
                raise LedgerError(
                    f"{len(left)} rights are not as they were installed, and have to be mended by hand; {left[0]}",
                    hint="see all of them: jobledger doctor",
                )
    except errors.LockNotAvailable as error:
        raise _busy() from error
    except errors.InsufficientPrivilege as error:
        raise LedgerError(
            f"this role may not mend the rights: {one_line(error)}", hint="use the owner of the ledger, or a superuser"
        ) from error
    return found


def _busy() -> Conflict:
    return Conflict(
        f"others keep what is to be changed for longer than {LOCK_TIMEOUT}",
        hint="run it again; jobledger doctor shows transactions that stay open",
    )
