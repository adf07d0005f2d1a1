"""Logins, the groups of the ledger they are in, and for whom they may act."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.errors import LedgerError
from ledger.postgres.rights import lock_rights

if TYPE_CHECKING:
    from ledger.postgres.database import Session

SINGLE_GRANT_OPTIONS: Final = 160000
"""The server version from which a membership can be granted without the right to become the group."""

_LOGINS: Final = r"""
    select r.rolname::text as name,
           r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
           pg_has_role(r.oid, (select n.nspowner from pg_namespace n where n.nspname = 'ledger'), 'member') as is_owner,
           array(select g.rolname::text from unnest(%(groups)s::text[]) x (name) join pg_roles g on g.rolname = x.name
                 where pg_has_role(r.oid, g.oid, 'member') order by 1) as groups,
           array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
                 where m.member = r.oid and g.rolname = any (%(groups)s) order by 1) as direct,
           array(select g.rolname::text from pg_roles g
                 where g.rolname like 'pg\_%%' and pg_has_role(r.oid, g.oid, 'member') order by 1) as predefined
    from pg_roles r
"""
_FIND: Final = _LOGINS + "where r.rolname = %(name)s"
_FIND_MEMBERS: Final = (
    _LOGINS
    + """
    where r.rolcanlogin and not r.rolsuper  -- a superuser counts as a member of all
      and exists (select from pg_roles g where g.rolname = any (%(groups)s) and pg_has_role(r.oid, g.oid, 'member'))
    order by r.rolname"""
)
_MEMBER_OF: Final = """
    select r.rolname::text as name from pg_roles r
    where r.rolname = any (%(groups)s) and pg_has_role(session_user, r.oid, 'member')
"""


@dataclass(frozen=True, slots=True)
class Login:
    """A role, what it is besides a login, and which groups it is in: ``direct`` ones, and by way of other roles."""

    name: str
    rolcanlogin: bool
    rolsuper: bool
    rolcreaterole: bool
    rolcreatedb: bool
    rolreplication: bool
    rolbypassrls: bool
    is_owner: bool
    groups: list[str]
    direct: list[str]
    predefined: list[str]


@contextmanager
def changing(connection: Session) -> Iterator[None]:
    """A transaction in which nobody else changes rights. Raises LedgerError where this session may not."""
    from psycopg import errors

    try:
        with connection.transaction():
            lock_rights(connection)
            yield
    except errors.InsufficientPrivilege as error:
        raise LedgerError(
            f"this role may not do that: {str(error).splitlines()[0]}",
            hint="use the owner of the ledger, who also may create roles and administers its groups; or a superuser",
        ) from error


def find_login(connection: Session, name: str, groups: Sequence[str]) -> Login | None:
    """The role of that name, and which of these groups it is in."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(_FIND.encode(), {"name": name, "groups": list(groups)}).fetchone()


def find_members(connection: Session, groups: Sequence[str]) -> list[Login]:
    """Every login that is in one of these groups; superusers, who count as members of all, only by that."""
    from psycopg.rows import class_row

    with connection.cursor(row_factory=class_row(Login)) as cursor:
        return cursor.execute(_FIND_MEMBERS.encode(), {"groups": list(groups)}).fetchall()


def find_own_group(connection: Session, groups: Sequence[str]) -> str | None:
    """One of these groups that this session's login is in; None where it is in none."""
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_MEMBER_OF.encode(), {"groups": list(groups)}).fetchone()
    return None if row is None else str(row[0])


def create_login(connection: Session, name: str) -> None:
    """Create a role that can log in, and can do nothing else."""
    from psycopg import sql

    create = sql.SQL("create role {} login inherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls")
    connection.execute(create.format(sql.Identifier(name)))


def set_password(connection: Session, name: str, password: str) -> None:
    """Set a login's password. What is sent is a SCRAM-SHA-256 verifier, so that no log of the server holds it."""
    from psycopg import sql

    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode("ascii")
    connection.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(name), sql.Literal(verifier)))


def join_group(connection: Session, name: str, group: str) -> None:
    """Put a login into a group, if the server can say so without the right to become the group."""
    from psycopg import sql

    grant = sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(name))
    if connection.info.server_version >= SINGLE_GRANT_OPTIONS:
        grant += sql.SQL(" with inherit true, set false, admin false")
    connection.execute(grant)


def leave_group(connection: Session, name: str, group: str) -> None:
    """Take a login out of a group."""
    from psycopg import sql

    connection.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(group), sql.Identifier(name)))


def read_delegations(connection: Session, name: str) -> list[str | None]:
    """The owners that a login may act for; None stands for all of them."""
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            "select d.owner from ledger.delegations d where d.actor = %(name)s", {"name": name}
        ).fetchall()
    return [owner for (owner,) in rows]


def delegate(connection: Session, name: str, owner: str | None, *, may: bool) -> bool:
    """Let a login act for an owner (None: for all), or let it no more; whether that changed anything."""
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        [(changed,)] = cursor.execute(
            "select ledger.delegate(%(name)s, %(owner)s, %(may)s)", {"name": name, "owner": owner, "may": may}
        ).fetchall()
    return bool(changed)
