"""What an upgrade would do: which steps are due, what they lock, and what others have made that has to stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ledger.errors import LedgerError
from ledger.postgres.others import find_others
from ledger.postgres.schema import mismatch, need_server
from ledger.postgres.steps import Step, read_code_half, read_schema, read_steps

if TYPE_CHECKING:
    from psycopg import Connection

_LOCK_ORDER: Final = tuple(
    f"ledger.{name}"
    for name in ("schema_version", "events", "log", "sequencer", "replicas", "keys", "queue", "my_jobs", "jobs")
)
"""As schema.sql has it; all other tables come after these."""
_UNFINISHED: Final = """
    select distinct jsonb_object_keys(to_jsonb(v) -> 'unfinished') from ledger.schema_version v
    where to_jsonb(v) ? 'unfinished'
"""
"""As JSON, because version 1 had no such column."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade would do. Nothing of it was done yet."""

    version: int
    """The schema that the database holds."""
    together: Sequence[Step]
    """These run in one transaction; the last of them is the code half."""
    afterwards: Sequence[Step]
    """These run beside the ledger at work."""
    others: Sequence[str]
    """What others have made on the ledger's tables and functions. It stays."""

    @property
    def steps(self) -> Sequence[Step]:
        return (*self.together, *self.afterwards)

    @property
    def locks(self) -> Sequence[str]:
        """What nobody else can use for a moment, in the order in which everybody takes locks."""
        return sorted({table for step in self.together for table in step.locks}, key=_place_of_lock)


def _place_of_lock(table: str) -> tuple[int, str]:
    return _LOCK_ORDER.index(table) if table in _LOCK_ORDER else len(_LOCK_ORDER), table


def plan_upgrade(connection: Connection[Any], *, steps: Sequence[Step] | None = None) -> Plan:
    """What has to be done to bring the schema to this code's version; no steps where nothing is due. Reads only.

    ``steps`` are this code's own where none are given. Raises SchemaMismatch for a newer schema, LedgerError where
    this login may not change it, or the database is not UTF-8.
    """
    need_server(connection)
    known = read_steps() if steps is None else steps
    done = read_values(connection, "select v.version from ledger.schema_version v order by 1")
    if done[-1] > known[-1].number:
        mismatch(done[-1])
    left = find_unfinished(connection)
    due = [
        step
        for step in known
        if step.number > done[0] and (step.number not in done or (step.comes_after and step.name in left))
    ]
    if not due:
        return Plan(done[-1], (), (), ())
    _need_the_owner(connection)
    together = [step for step in due if not step.comes_after]
    if together:
        together.append(read_code_half(read_schema()))
    afterwards = [step for step in due if step.comes_after]
    return Plan(done[-1], together, afterwards, list(find_others(connection).values()))


def find_unfinished(connection: Connection[Any]) -> list[str]:
    """The names of the steps that are left to do beside the ledger at work. Reads only."""
    return sorted(read_values(connection, _UNFINISHED))


def find_owner(connection: Connection[Any]) -> str:
    """The role that owns the ledger."""
    (owner,) = read_values(
        connection, "select n.nspowner::regrole::text from pg_namespace n where n.nspname = 'ledger'"
    )
    return str(owner)


def read_values(connection: Connection[Any], query: str, **parameters: object) -> list[Any]:
    """The one column of a query, whatever rows the connection makes."""
    from psycopg.rows import scalar_row

    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query.encode(), parameters or None).fetchall()


def _need_the_owner(connection: Connection[Any]) -> None:
    (owner,) = read_values(
        connection,
        """select n.nspowner::regrole::text from pg_namespace n
           where n.nspname = 'ledger' and not pg_has_role(n.nspowner, 'member')""",
    ) or (None,)
    if owner is not None:
        raise LedgerError(
            f"this role may not upgrade the schema, which belongs to {owner}",
            hint=f"use the login {owner}, or a superuser",
        )
