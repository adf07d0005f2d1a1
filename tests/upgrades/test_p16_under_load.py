"""P16: a ledger is upgraded while it works. Nothing is lost, and nobody waits for longer than said."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg
from databases import Database
from old_version import OldVersion
from psycopg import Connection
from psycopg.rows import DictRow
from serving import processor
from waiting import until

from ledger.postgres.feed import verify
from ledger.postgres.schema import installed_version
from ledger.postgres.steps import Step, read_steps
from ledger.postgres.upgrade import HOLD_S, upgrade

TIMES = 8
"""How often the ledger is upgraded: to this version, and then to some that change nothing but lock as much."""


class Users:
    """Sessions that use the ledger all the time. Each lets itself wait for ``HOLD_S``, and then it fails."""

    def __init__(self, database: Database) -> None:
        self.submitted: list[UUID] = []
        self.pulled: set[UUID] = set()
        self.failures: list[BaseException] = []
        self.rounds = dict.fromkeys(("submit", "push", "pull", "read", "watch"), 0)
        self._database = database
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        uses: dict[str, tuple[str, Callable[[Connection[DictRow]], None]]] = {
            "submit": ("app_alice", self._submit),
            "push": ("app_bob", self._push),
            "pull": ("app_alice", self._pull),
            "read": ("auditor", self._read),
            "watch": ("app_alice", self._watch),
        }
        threads = [threading.Thread(target=self._use, args=(name, *use)) for name, use in uses.items()]
        for thread in threads:
            thread.start()
        try:
            until(lambda: all(self.rounds.values()), "everybody to be at work")
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def another_round(self) -> None:
        """Wait until everybody has done something since."""
        before = dict(self.rounds)
        until(lambda: self.failures or all(self.rounds[name] > n + 1 for name, n in before.items()), "another round")

    def _use(self, name: str, login: str, use: Callable[[Connection[DictRow]], None]) -> None:
        try:
            with psycopg.connect(self._database.dsn_as(login), autocommit=True, row_factory=psycopg.rows.dict_row) as c:
                c.execute("select set_config('lock_timeout', %(limit)s, false)", {"limit": f"{HOLD_S:g}s"})
                while not self._over.is_set():
                    use(c)
                    self.rounds[name] += 1
        except BaseException as failure:
            self.failures.append(failure)

    def _submit(self, connection: Connection[DictRow]) -> None:
        with connection.transaction():
            row = connection.execute("""select ledger.submit('square', '{"n": 3}') as job""").fetchone()
            assert row is not None
            connection.execute("""select ledger.submit('nobody-serves-this', '{}')""")
        self.submitted.append(row["job"])

    def _push(self, connection: Connection[DictRow]) -> None:
        connection.execute("select ledger.push(gen_random_uuid(), 0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")
        connection.execute("select * from ledger.limits")

    def _pull(self, connection: Connection[DictRow]) -> None:
        after, epoch = 0, None
        while True:
            rows = connection.execute(
                "select upto_seq, epoch, id, job_id, type from ledger.pull(%(after)s, %(epoch)s, 500)",
                {"after": after, "epoch": epoch},
            ).fetchall()
            self.pulled |= {row["job_id"] for row in rows if row["type"] == "job.requested"}
            if rows[-1]["upto_seq"] == after or rows[0]["id"] is None:
                return
            after, epoch = rows[-1]["upto_seq"], rows[-1]["epoch"]

    def _read(self, connection: Connection[DictRow]) -> None:
        connection.execute(
            "select j.status, count(*) from ledger.jobs j join ledger.events e using (job_id) group by 1"
        )
        connection.execute("select max(seq) from ledger.log")

    def _watch(self, connection: Connection[DictRow]) -> None:
        connection.execute("select * from ledger.my_jobs limit 100")


def rounds() -> Iterator[list[Step]]:
    """The steps of this version; then of one more each time, which lock as much."""
    known = read_steps()
    every_lock = list(dict.fromkeys(table for step in known for table in step.locks))
    for more in range(TIMES):
        numbers = range(known[-1].number + 1, known[-1].number + 1 + more)
        yield [*known, *(Step(n, f"v{n}", "Nothing.", 1, every_lock, False, "select 1") for n in numbers)]


def test_p16_an_upgrade_under_load_loses_nothing_and_keeps_nobody_waiting(
    v1: Database, old: OldVersion, tmp_path: Path
) -> None:
    owner, users, worker = v1.connect(), Users(v1), v1.dsn_as("worker")

    def is_at_work(process: subprocess.Popen[bytes]) -> object:
        here = "select 1 as one from ledger.processors where pid = %(pid)s"
        return owner.execute(here, {"pid": process.pid}).fetchone()

    with old.processor(worker, tmp_path / "old.log") as before, ExitStack() as later:
        until(lambda: is_at_work(before), "the old processor to be at work")
        with users.at_work():
            for steps in rounds():
                users.another_round()
                upgrade(owner, steps=steps)
                assert installed_version(owner) == steps[-1].number
                if steps == read_steps():
                    after = later.enter_context(processor(worker, tmp_path / "new.log", "--threads", "4"))
                    until(partial(is_at_work, after), "the new processor to be at work beside it")
            users.another_round()
        assert before.poll() is None
        assert users.failures == []
        pending = "select 1 as one from ledger.jobs where job_id = any (%(jobs)s) and status <> 'completed' limit 1"
        known = "select count(*) as n from ledger.jobs where job_id = any (%(jobs)s)"
        asked = {"jobs": users.submitted}
        until(lambda: owner.execute(known, asked).fetchone() == {"n": len(users.submitted)}, "all to be in order")
        until(lambda: owner.execute(pending, asked).fetchone() is None, "all to be done", seconds=150)
    with v1.connect("app_alice") as alice:
        users._pull(alice)
    assert set(users.submitted) <= users.pulled
    verify(owner)
