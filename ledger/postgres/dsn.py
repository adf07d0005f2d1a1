"""What a connection string gives away: an error that quotes it must not show the password in it.

libpq quotes what it cannot read, and looks for hosts of names that are really half a password. So it is asked what it
made of the string: where that is not plainly what was meant, nothing that it says is passed on.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Final

_HOST: Final = r"(\[[0-9A-Fa-f:.%]*\]|[\w.%~+-]*)(:\d*)?"
_URL: Final = re.compile(
    rf"postgres(ql)?://([^:@/\s]*(:[^@/\s]*)?@)?{_HOST}(,{_HOST})*(/[^@:/?#\s]*)?(\?[^@#\s]*)?", re.ASCII
)
_TAKEN: Final = {"PGPASSWORD": "password", "PGPASSFILE": "passfile"}
MISTYPED: Final = "in a URL, write @ : / ? # % inside a user's name or a password as %40 %3A %2F %3F %23 %25"


def may_show(dsn: str) -> bool:
    """Whether what libpq says of this connection string names no part of a password in it."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    except psycopg.ProgrammingError:
        return False
    if "://" in dsn.partition("?")[0] and not _URL.fullmatch(dsn):
        return False
    return not (
        "@" in found.get("host", "")
        or "@" in found.get("hostaddr", "")
        or re.search(r"@|://", found.get("dbname", ""))
        or re.search(r"[^0-9,]", found.get("port", ""))
        or ":" in found.get("user", "")
    )


def without_password(said: str, dsn: str) -> str:
    """What libpq said of a connection string that may be shown, without the password, should it be in there."""
    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(dsn)
    for name in ("password", "sslpassword"):
        if secret := found.get(name):
            said = said.replace(str(secret), "***")
    return said


def take_credentials(dsn: str, environment: MutableMapping[str, str]) -> str:
    """The connection string with the password that the environment has for libpq, which the environment then lacks.

    Raises LedgerError for what is no connection string.
    """
    import psycopg

    from ledger.postgres.database import no_session, with_defaults

    found = {keyword: environment[name] for name, keyword in _TAKEN.items() if name in environment}
    try:
        complete = with_defaults(dsn, found)
    except psycopg.ProgrammingError as error:
        raise no_session(error, dsn) from None
    for name in ("JOBLEDGER_DSN", *_TAKEN):
        environment.pop(name, None)
    return complete
