"""Connection strings, and what to say where one leads to no session: an error must not show the password in it.

libpq quotes what it cannot read, and looks for hosts of names that are really half a password. So it is asked what it
made of the string: where that is not plainly what was meant, nothing that it says is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Final

from ledger.errors import LedgerError, LoginRefused, ServerUnreachable, one_line

_HOST: Final = r"(\[[0-9A-Fa-f:.%]*\]|[\w.%~+-]*)(:\d*)?"
_URL: Final = re.compile(
    rf"postgres(ql)?://([^:@/\s]*(:[^@/\s]*)?@)?{_HOST}(,{_HOST})*(/[^@:/?#\s]*)?(\?[^@#\s]*)?", re.ASCII
)
_TAKEN: Final = {"PGPASSWORD": "password", "PGPASSFILE": "passfile"}
MISTYPED: Final = "in a URL, write @ : / ? # % inside a user's name or a password as %40 %3A %2F %3F %23 %25"

ENCODING: Final = "UTF8"
"""Asked for in the login itself, as ``client_encoding``: there it goes before what role and database say."""
_REFUSALS: Final = {
    "authentication failed|no password supplied": "check the password, and whether it has expired",
    "not permitted to log in|role .* does not exist|no such user": "the server has to know and allow this login",
    "pg_hba": "the server's pg_hba.conf has to allow this login from this machine",
    "database .* does not exist|no such database|permission denied for database|database .* not currently accepting":
        "check the database's name, and that this login may connect to it",
}  # fmt: skip
"""What a server says that answers, but does not let us in: SQLSTATE 28000, 28P01, 3D000, 42501, 55000."""


def with_defaults(dsn: str, settings: Mapping[str, str]) -> str:
    """The DSN with these settings of libpq, but where it names its own. Raises psycopg.ProgrammingError for no DSN."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    given = conninfo_to_dict(dsn)
    return make_conninfo(dsn, **{name: value for name, value in settings.items() if name not in given})


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

    found = {keyword: environment[name] for name, keyword in _TAKEN.items() if name in environment}
    try:
        complete = with_defaults(dsn, found)
    except psycopg.ProgrammingError as error:
        raise no_session(error, dsn) from None
    for name in ("JOBLEDGER_DSN", *_TAKEN):
        environment.pop(name, None)
    return complete


def no_session(error: Exception, dsn: str) -> LedgerError:
    """What a failed attempt to connect to ``dsn`` means. A password in it is not shown, however it was mistyped.

    libpq passes on no SQLSTATE here, so the server's English is what there is to go by. Where it speaks another
    language, a login that it refuses reads as a server that cannot be reached, and is tried again just the same.
    """
    import psycopg

    said = one_line(error)
    if isinstance(error, psycopg.ProgrammingError):
        hint = "use postgresql://user@host/database; what is wrong is not shown, as it may be the password"
        return LedgerError("not a connection string", hint=hint)
    if not may_show(dsn):
        return ServerUnreachable("no session with Postgres, and the connection string looks mistyped", hint=MISTYPED)
    said = without_password(said, dsn)
    for pattern, hint in _REFUSALS.items():
        if re.search(pattern, said):
            return LoginRefused(f"Postgres does not let this login in: {said}", hint=hint)
    return ServerUnreachable(
        f"no session with Postgres: {said}", hint="check --dsn or JOBLEDGER_DSN, and that the server runs"
    )
