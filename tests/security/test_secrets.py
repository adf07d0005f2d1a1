"""A password is in no message, no file, no log and no handler's environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import Database
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from waiting import until

from client_sync import JobClient
from jobledger.cli import run
from ledger.errors import LedgerError
from ledger.postgres.database import connect, connect_async
from ledger.postgres.dsn import may_show, take_credentials, without_password
from ledger.postgres.server.connection import open_connection

SECRET = "Xyzzy"
"""Each part of a password, where a slip cuts it in two."""
MISTYPED = [
    f"postgresql//alice:{SECRET}@127.0.0.1:1/app",
    f"postgres:alice:{SECRET}@127.0.0.1:1/app",
    f"alice:{SECRET}@127.0.0.1:1/app",
    f"http://alice:{SECRET}@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}@{SECRET}@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}/{SECRET}@127.0.0.1:1/app",
    f"postgresql://alice:12/{SECRET}@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}#@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}%zz@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}%00@127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}",
    f"postgresql://alice:{SECRET}:127.0.0.1:1/app",
    f"postgresql://alice:{SECRET}@[127.0.0.1:1/app",
    f"postgresql://127.0.0.1:1/app?passwrod={SECRET}",
    f"postgresql://127.0.0.1:1/app?user=alice&{SECRET}",
    f"postgresql://127.0.0.1:1/app?pass={SECRET}@word",
    f"postgresql://alice@127.0.0.1:{SECRET}/app",
    f"postgresql://127.0.0.1:1/alice:{SECRET}",
    f"host=127.0.0.1 port=1 pasword={SECRET}",
    f"host=127.0.0.1 port=1 password=two {SECRET}",
    f"host=127.0.0.1 port=1 password='{SECRET}",
    f"host=alice:{SECRET}@127.0.0.1 port=1",
    f"host=127.0.0.1 port={SECRET}",
    f"host=127.0.0.1 port=1 user=alice:{SECRET}",
    f"host=127.0.0.1 port=1 dbname=postgresql://alice:{SECRET}@db/app",
    f"host={SECRET} port=1 password={SECRET}",
    f"postgresql://alice:{SECRET}@127.0.0.1:1/app",
]
PLAIN = [
    "",
    "host=/tmp/sockets user=alice dbname=app",
    "postgresql://alice@db.example/app",
    "postgresql://alice:secret@db.example:5432/app?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem",
    "postgres://alice:p%40ss:word@[::1]:5432,db-2.example:5433/app",
    "postgresql:///app?host=/tmp/sockets",
    "postgresql://%2Ftmp%2Fsockets/app",
    "host=db user=alice@example.com password='p@ss/wo:rd'",
]


def connect_plainly(dsn: str) -> None:
    connect(dsn).close()


def connect_in_a_loop(dsn: str) -> None:
    async def once() -> None:
        await (await connect_async(dsn)).close()

    asyncio.run(once())


def connect_to_sync(dsn: str) -> None:
    open_connection(dsn).close()


@pytest.mark.parametrize("way", [connect_plainly, connect_in_a_loop, connect_to_sync])
@pytest.mark.parametrize("dsn", MISTYPED)
def test_no_error_shows_the_password_of_a_connection_string(way: Callable[[str], None], dsn: str) -> None:
    with pytest.raises(LedgerError) as failure:
        way(dsn)
    told = "".join(traceback.format_exception(failure.value)) + str(failure.value.hint)
    # the test's own lines, which a traceback quotes, name no password
    assert SECRET not in told


@pytest.mark.parametrize("dsn", MISTYPED)
def test_no_verb_and_no_file_keeps_the_password(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "app.db"
    JobClient(path).close()
    for verb in (["sync", "--db", str(path)], ["log"], ["stats"], ["doctor"]):
        assert run([*verb, "--dsn", dsn]) in (1, 4, 7)
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    with JobClient(path, dsn=dsn) as jobs:
        assert jobs.last_error is not None
        assert SECRET not in jobs.last_error
        jobs.start_sync()
        assert SECRET not in str(until(lambda: jobs.sync_error, "the complaint"))
    assert SECRET.encode() not in path.read_bytes()


@pytest.mark.parametrize("dsn", PLAIN)
def test_what_is_wrong_with_a_plain_one_is_shown(dsn: str) -> None:
    assert may_show(dsn)


def test_what_is_said_of_a_plain_one_names_none_of_its_passwords() -> None:
    dsn = f"host=db password={SECRET}-1 sslpassword={SECRET}-2"
    assert without_password(f"of {SECRET}-1 and {SECRET}-2", dsn) == "of *** and ***"


def test_what_libpq_says_of_a_plain_one_is_shown() -> None:
    with pytest.raises(LedgerError, match=r'"127\.0\.0\.1", port 1 failed'):
        connect("postgresql://alice:secret@127.0.0.1:1/app")


def test_taken_credentials_are_gone_from_the_environment_and_work() -> None:
    environment = {"PGPASSWORD": SECRET, "PGPASSFILE": "/x", "JOBLEDGER_DSN": "host=a", "PGHOST": "h", "HOME": "/"}
    assert take_credentials("host=a", environment) == f"host=a password={SECRET} passfile=/x"
    assert environment == {"PGHOST": "h", "HOME": "/"}
    assert take_credentials("host=a password=own", {"PGPASSWORD": SECRET}) == "host=a password=own"


def test_no_handler_finds_the_processors_password(database: Database, tmp_path: Path) -> None:
    plain = make_conninfo(database.dsn_as("worker"), password=None)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1] / "support"),
        "JOBLEDGER_DSN": plain,
        "PGPASSWORD": str(conninfo_to_dict(database.dsn_as("worker"))["password"]),
        "PGPASSFILE": str(tmp_path / "passwords"),
        "PGAPPNAME": "kept",
    }
    command = [sys.executable, "-m", "jobledger", "serve", "--app", "reporting_jobs:jobs"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        with JobClient(tmp_path / "app.db", dsn=database.dsn_as("app_alice")) as jobs:
            job = jobs.submit("environment")
            jobs.start_sync()
            told = jobs.wait(job.id, timeout=60).result
    finally:
        process.kill()
        process.wait()
    for seen in ("at import", "now", "of a child"):
        assert told[seen]["PGAPPNAME"] == "kept"
        assert not {"JOBLEDGER_DSN", "PGPASSWORD", "PGPASSFILE"} & set(told[seen]), seen
    assert environment["PGPASSWORD"] not in (tmp_path / "log").read_text()
