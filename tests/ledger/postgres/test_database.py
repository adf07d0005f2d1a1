"""Reaching Postgres: what is worth trying again, and the errors where there is no server."""

from __future__ import annotations

import psycopg
import pytest
from databases import Database

from ledger.errors import LedgerError, ServerUnreachable
from ledger.postgres.database import connect, is_transient, retrying

NOBODY_THERE = "host=127.0.0.1 port=1 dbname=x"


def test_no_server_is_one_clear_error() -> None:
    with pytest.raises(ServerUnreachable, match="no session with Postgres") as error:
        connect(NOBODY_THERE)
    assert "\n" not in str(error.value)
    assert is_transient(error.value)


def test_a_broken_dsn_is_not_worth_trying_again() -> None:
    with pytest.raises(LedgerError, match="not a connection string") as error:
        connect("the server next door")
    assert not is_transient(error.value)


@pytest.mark.parametrize(
    ("raised", "transient"),
    [
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.QueryCanceled(), True),
        (psycopg.errors.LockNotAvailable(), True),
        (psycopg.OperationalError("the connection is lost"), True),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.errors.InvalidTextRepresentation(), False),
        (psycopg.errors.InsufficientPrivilege(), False),
        (psycopg.ProgrammingError(), False),
        (ValueError(), False),
    ],
)
def test_only_trouble_of_the_moment_is_tried_again(raised: Exception, transient: bool) -> None:
    assert is_transient(raised) is transient


def test_a_call_is_tried_again_until_it_succeeds(database: Database) -> None:
    calls = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise psycopg.OperationalError("the connection is lost")
        return "done"

    assert retrying(attempts=5)(flaky) == "done"
    assert len(calls) == 3


def test_the_last_error_is_raised_as_it_is() -> None:
    def broken() -> None:
        raise psycopg.OperationalError("still lost")

    with pytest.raises(psycopg.OperationalError, match="still lost"):
        retrying(attempts=2)(broken)
