"""Looking for rights that are not as they were installed, and for members of the groups who may do more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from jobledger.admin.grants import GROUPS, powers
from ledger.finding import Finding
from ledger.postgres.admin.logins import find_members, find_own_group
from ledger.postgres.admin.symptoms import find_prepared
from ledger.postgres.rights import find_differences

if TYPE_CHECKING:
    from ledger.postgres.database import Session

SHOWN: Final = 5


def examine_rights(connection: Session) -> Iterator[Finding]:
    """What was granted, and to whom. Reads only."""
    found = find_differences(connection)
    if not found:
        yield Finding("ok", "rights", "as they were installed")
    else:
        shown = "; ".join(str(difference) for difference in found[:SHOWN]) + ("; ..." if len(found) > SHOWN else "")
        by_hand = "" if all(difference.mend for difference in found) else "; what it names then, by hand"
        advice = f"mend them, as the owner of the ledger: jobledger init{by_hand}"
        yield Finding("fail", "rights", f"{len(found)} are not as they were installed; {shown}", advice)
    yield from _examine_members(connection)


def explain_refusal(connection: Session) -> Finding:
    """Why a login may not look into the ledger: it is not meant to, or its group has lost its rights."""
    staff = [group for group in GROUPS.values() if group != GROUPS["client"]]
    group = find_own_group(connection, staff)
    if group is not None:
        message = f"this login is in {group}, and still may not look into the ledger: rights are missing"
        return Finding("fail", "rights", message, "mend them, as the owner of the ledger: jobledger init")
    advice = "examine the server with a login that has the rights of an operator, an auditor or a processor"
    return Finding("note", "rights", "it answers, but this login may not look into it", advice)


def _examine_members(connection: Session) -> Iterator[Finding]:
    members = find_members(connection, list(GROUPS.values()))
    suspicious = [(login, had) for login in members for group in login.groups if (had := powers(group, login))]
    if not suspicious:
        yield Finding("ok", "logins", f"{len(members)} are in the groups of the ledger, and have no other power")
    for login, had in suspicious:
        message = f"{login.name} is in {', '.join(login.groups)}, and is {' and '.join(had)}"
        yield Finding("warn", "logins", message, "no group's limits hold for it: take that away, or use another login")


def examine_prepared(connection: Session) -> Iterator[Finding]:
    """Transactions without a session: their locks stay until someone ends them by name."""
    for found in find_prepared(connection):
        message = f"{found.owner} prepared one as {found.gid!r} {found.age_s} s ago; its locks are kept meanwhile"
        yield Finding("warn", "transactions", message, "end it: commit prepared or rollback prepared, and this name")
