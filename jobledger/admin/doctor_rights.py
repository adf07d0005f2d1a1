"""Looking for rights that are not as they were installed, and for members of the groups who may do more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from jobledger.admin.grants import FIND_MEMBERS, GROUPS, powers
from ledger.finding import Finding
from ledger.postgres.rights import find_differences

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

SHOWN: Final = 5
STAFF: Final = """
    select r.rolname::text as name from pg_roles r
    where r.rolname = any (%(groups)s) and pg_has_role(session_user, r.oid, 'member')
"""
PREPARED: Final = """
    select p.gid, p.owner, round(extract(epoch from now() - p.prepared))::integer as age_s
    from pg_prepared_xacts p where p.database = current_database() order by p.prepared
"""


def examine_rights(connection: Connection[DictRow]) -> Iterator[Finding]:
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


def explain_refusal(connection: Connection[DictRow]) -> Finding:
    """Why a login may not look into the ledger: it is not meant to, or its group has lost its rights."""
    staff = [group for group in GROUPS.values() if group != GROUPS["client"]]
    row = connection.execute(STAFF.encode(), {"groups": staff}).fetchone()
    if row is not None:
        message = f"this login is in {row['name']}, and still may not look into the ledger: rights are missing"
        return Finding("fail", "rights", message, "mend them, as the owner of the ledger: jobledger init")
    advice = "examine the server with a login that has the rights of an operator, an auditor or a processor"
    return Finding("note", "rights", "it answers, but this login may not look into it", advice)


def _examine_members(connection: Connection[DictRow]) -> Iterator[Finding]:
    members = connection.execute(FIND_MEMBERS.encode(), {"groups": list(GROUPS.values())}).fetchall()
    suspicious = [(row, had) for row in members for group in row["groups"] if (had := powers(group, row))]
    if not suspicious:
        yield Finding("ok", "logins", f"{len(members)} are in the groups of the ledger, and have no other power")
    for row, had in suspicious:
        message = f"{row['name']} is in {', '.join(row['groups'])}, and is {' and '.join(had)}"
        yield Finding("warn", "logins", message, "no group's limits hold for it: take that away, or use another login")


def examine_prepared(connection: Connection[DictRow]) -> Iterator[Finding]:
    """Transactions without a session: their locks stay until someone ends them by name."""
    for row in connection.execute(PREPARED.encode()).fetchall():
        message = f"{row['owner']} prepared one as {row['gid']!r} {row['age_s']} s ago; its locks are kept meanwhile"
        yield Finding("warn", "transactions", message, "end it: commit prepared or rollback prepared, and this name")
