"""Who may do what: login roles, and the group of the ledger each of them belongs to.

A login gets the rights of one group and nothing else. It is created without any attribute but LOGIN, and INHERIT:
with NOINHERIT it would have to ``set role`` to the group before every call, while the doors of the ledger take the
owner from the session and gain nothing by it. Postgres 16 and later can say more, so there the membership is granted
with inherit and without set and admin: the login has the group's rights, but cannot become the group, own things in
its name or let others in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.errors import Conflict, InvalidEvent, JobNotFound, LedgerError
from ledger.postgres.admin import logins
from ledger.postgres.admin.logins import Login
from ledger.postgres.schema import check

if TYPE_CHECKING:
    from ledger.postgres.database import Session

GROUPS: Final = {
    "client": "ledger_client",
    "processor": "ledger_processor",
    "auditor": "ledger_auditor",
    "operator": "ledger_operator",
}
LONGEST_NAME: Final = 63
"""Bytes of a name in Postgres; it would cut a longer one, and the cut name may be someone else's."""
LONGEST_OWNER: Final = 200
"""Characters; an owner need not be a login."""

POWERS: Final = {
    "rolsuper": "a superuser",
    "is_owner": "an owner of the ledger",
    "rolbypassrls": "a role that bypasses row-level security",
    "rolreplication": "a replication role",
    "rolcreaterole": "a role that may create roles",
    "rolcreatedb": "a role that may create databases",
}
"""What a login of the ledger may not be: each of these can go around its group's limits, or give the rights away."""
FOR_STAFF: Final = frozenset({
    "pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables", "pg_signal_backend",
    "pg_signal_autovacuum_worker", "pg_checkpoint", "pg_use_reserved_connections",
})  # fmt: skip
"""Predefined roles of Postgres that whoever may read all jobs may also be in. A client may be in none of any kind."""


@dataclass(frozen=True)
class Grant:
    """What was found and what was done. Where nothing is true, nothing was changed."""

    name: str
    group: str
    created: bool = False
    granted: bool = False
    revoked: bool = False
    password_set: bool = False
    delegated: bool = False


EVERYONE: Final = "*"
"""Instead of an owner: all of them."""


def grant(
    connection: Session,
    group: str,
    name: str,
    password: str | None = None,
    *,
    on_behalf_of: str | None = None,
) -> Grant:
    """Let the login ``name`` act as a client, processor, auditor or operator; the login is created where there is none.

    ``password``, where given, replaces the one before; it leaves this process only as a SCRAM-SHA-256 verifier, so that
    no log of the server holds it. ``on_behalf_of`` lets a client also write and read what belongs to that owner, or to
    ``EVERYONE``; its own name stays in each event as the actor. Calling again changes nothing else.

    Raises Conflict for a role that has more power than a login of the ledger may have or is in another group of it, and
    where another session does the same and does not end; LedgerError where this session may not grant. All in one
    transaction: after an error, nothing has changed.
    """
    role = _group(group)
    _check_name(name)
    _check_delegation(role, on_behalf_of)
    check(connection)
    with logins.changing(connection):
        found = _find(connection, name)
        if found is None:
            logins.create_login(connection, name)
        else:
            _refuse_power(name, role, found)
            if others := [other for other in found.groups if other != role]:
                raise Conflict(
                    f"{name} is in {', '.join(others)} already",
                    hint="use a login for each task, or revoke that one first",
                )
        if password is not None:
            _check_password(password)
            logins.set_password(connection, name, password)
        granted = found is None or role not in found.direct
        if granted:
            logins.join_group(connection, name, role)
        delegated = on_behalf_of is not None and _delegate(connection, name, on_behalf_of, may=True)
    return Grant(
        name, role, created=found is None, granted=granted, password_set=password is not None, delegated=delegated
    )


def revoke(connection: Session, group: str, name: str, *, on_behalf_of: str | None = None) -> Grant:
    """Take the group's rights from a login, from its next statement on. Calling again changes nothing.

    With ``on_behalf_of``, only the right to act for that owner (or for ``EVERYONE``) is taken; without, all of it.

    The login itself stays: its name is the owner or actor of events, and whoever got that name next would own its jobs.
    Raises JobNotFound where there is no such role, Conflict where it has the rights by way of another role, LedgerError
    where this session may not revoke.
    """
    role = _group(group)
    _check_name(name)
    _check_delegation(role, on_behalf_of)
    check(connection)
    with logins.changing(connection):
        found = _find(connection, name)
        if found is None:
            raise JobNotFound(f"there is no role {name}", hint="names of roles are case-sensitive here")
        if on_behalf_of is not None:
            return Grant(name, role, delegated=_delegate(connection, name, on_behalf_of, may=False))
        if role == GROUPS["client"]:
            for owner in logins.read_delegations(connection, name):
                logins.delegate(connection, name, owner, may=False)
        revoked = role in found.direct
        if revoked:
            logins.leave_group(connection, name, role)
        left = _find(connection, name)
        if left is not None and role in left.groups:
            raise Conflict(
                f"{name} still has the rights of {role}: it is a superuser, or has them by way of another role",
                hint="nothing was changed; look with \\du in psql",
            )
    return Grant(name, role, revoked=revoked)


def _find(connection: Session, name: str) -> Login | None:
    return logins.find_login(connection, name, list(GROUPS.values()))


def _group(group: str) -> str:
    if group not in GROUPS:
        raise LedgerError(f"{group!r} is no group of the ledger", hint=f"one of {', '.join(GROUPS)}")
    return GROUPS[group]


def _check_name(name: str) -> None:
    if name in GROUPS.values():
        raise Conflict(f"{name} is a group; no one logs in as it", hint="name the login that is to be in it")
    if not name or "\0" in name or len(name.encode()) > LONGEST_NAME:
        raise InvalidEvent(f"a role's name has 1 to {LONGEST_NAME} bytes and no NUL")
    if name.startswith("pg_") or name in ("public", "none"):
        raise Conflict(f"{name} is a name that Postgres keeps for itself", hint="choose another name")


def _check_delegation(role: str, on_behalf_of: str | None) -> None:
    if on_behalf_of is None:
        return
    if role != GROUPS["client"]:
        raise InvalidEvent("only a client acts on behalf of an owner")
    if not 1 <= len(on_behalf_of) <= LONGEST_OWNER or "\0" in on_behalf_of:
        raise InvalidEvent(f"an owner's name has 1 to {LONGEST_OWNER} characters and no NUL")


def _check_password(password: str) -> None:
    if not password or "\0" in password:
        raise InvalidEvent("a password has at least one character, and no NUL")


def _delegate(connection: Session, name: str, on_behalf_of: str, *, may: bool) -> bool:
    return logins.delegate(connection, name, None if on_behalf_of == EVERYONE else on_behalf_of, may=may)


def powers(role: str, found: Login) -> list[str]:
    """What a login is that no member of this group may be."""
    had = [power for attribute, power in POWERS.items() if getattr(found, attribute)]
    if not found.rolsuper:  # a superuser counts as a member of all
        allowed = frozenset[str]() if role == GROUPS["client"] else FOR_STAFF
        had += [f"a member of {predefined}" for predefined in found.predefined if predefined not in allowed]
    return had


def _refuse_power(name: str, role: str, found: Login) -> None:
    if had := powers(role, found):
        raise Conflict(
            f"{name} is {had[0]}: no group's limits would hold for it", hint="use a login that has no other rights"
        )
    if not found.rolcanlogin:
        raise Conflict(f"{name} cannot log in", hint="name the login itself: the ledger knows people by their sessions")
