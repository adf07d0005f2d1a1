"""What strangers and operators do to a server while it serves: one thread, as the seed says."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg import Connection, sql

from ledger.postgres.database import connect, is_transient, retrying
from soak.oracle import Oracle
from soak.server import Place
from soak.settings import ODD

Kind: TypeAlias = Literal["publication", "full queue", "frozen backend", "cancelled statement", "odd role"]

OFTEN: Final[dict[Kind, int]] = {
    "publication": 1, "full queue": 1, "frozen backend": 2, "cancelled statement": 20, "odd role": 2,
}  # fmt: skip
"""How often each comes, for each once."""
SECONDS: Final[dict[Kind, tuple[float, float]]] = {
    "publication": (1, 5), "full queue": (1, 4), "frozen backend": (0.2, 2), "cancelled statement": (0, 0),
    "odd role": (2, 6),
}  # fmt: skip
PAYLOAD: Final = "x" * 7000
PUBLICATIONS: Final = ("for all tables", "for tables in schema ledger")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens when the run is so far (0 to 1), for how long, and a number that chooses whom it hits."""

    at: float
    kind: Kind
    seconds: float
    draw: float


def plan_troubles(seed: int, times: int, *, odd_roles: bool = True) -> list[Trouble]:
    """All the troubles of a run, in their order."""
    chance = Random(f"{seed}/troubles")
    return sorted(
        (
            Trouble(chance.uniform(0.05, 0.9), kind, chance.uniform(*SECONDS[kind]), chance.random())
            for kind, often in OFTEN.items()
            for _ in range(often * times)
            if odd_roles or kind != "odd role"
        ),
        key=lambda trouble: trouble.at,
    )


class Troubles:
    """Makes them, from ``start`` until all are made or ``stop``; what it changed, it changes back."""

    def __init__(self, ours: Place, oracle: Oracle, plan: list[Trouble], progress: Callable[[], float]) -> None:
        self.happened: Counter[str] = Counter()
        self._place = ours
        self._oracle = oracle
        self._plan = plan
        self._progress = progress
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(kind,), name=f"trouble: {kind}", daemon=True) for kind in OFTEN
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def halt(self) -> None:
        """Let every thread end, without waiting for it."""
        self._stop.set()

    def stop(self) -> None:
        """End it, and change back what a server that died has kept."""
        self.halt()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)
        for attempt in retrying(attempts=20, max_wait_s=2):
            with attempt, connect(self._place.dsn) as admin:
                admin.execute("drop publication if exists soak")
                for login in (*self._place.owners, self._place.worker):
                    admin.execute(sql.SQL("alter role {} reset all").format(sql.Identifier(login)))

    def _run(self, kind: Kind) -> None:
        make: Callable[[Connection, Trouble], bool] = getattr(self, f"_{kind.replace(' ', '_')}")
        for trouble in self._plan:
            if trouble.kind != kind:
                continue
            while self._progress() < trouble.at:
                if self._stop.wait(0.05):
                    return
            try:
                with psycopg.connect(self._place.dsn, autocommit=True, connect_timeout=5) as admin:
                    self.happened[f"trouble: {kind}"] += make(admin, trouble)
            except psycopg.Error as error:
                if not is_transient(error):  # the server is being killed, too
                    self._oracle.error(f"trouble: {kind}", error)
            except Exception as error:
                self._oracle.error(f"trouble: {kind}", error)

    def _publication(self, admin: Connection, trouble: Trouble) -> bool:
        what = PUBLICATIONS[int(trouble.draw * len(PUBLICATIONS))]
        admin.execute("drop publication if exists soak")  # of one that was here when the server died
        admin.execute(f"create publication soak {what}".encode())
        self._stop.wait(trouble.seconds)
        admin.execute("drop publication soak")
        return True

    def _full_queue(self, admin: Connection, trouble: Trouble) -> bool:
        """A login listens in a transaction that it does not end, and another one notifies until there is no room."""
        stranger = self._place.dsn_as(self._pick(self._place.owners, trouble))
        with psycopg.connect(stranger, autocommit=True) as idle, psycopg.connect(stranger, autocommit=True) as loud:
            for session in (idle, loud):
                session.execute("set default_transaction_read_only = off")
            idle.execute("listen soak")
            idle.execute("begin")
            idle.execute("select 1")
            with suppress(psycopg.errors.ProgramLimitExceeded):
                for _ in range(5000):
                    loud.execute("select pg_notify('soak', %(text)s || clock_timestamp())", {"text": PAYLOAD})
            row = admin.execute("select pg_notification_queue_usage()").fetchone()
            assert row is not None
            if row[0] > 0.9:
                self.happened["notifications: the queue was full"] += 1
            self._stop.wait(trouble.seconds)
        return True

    def _frozen_backend(self, admin: Connection, trouble: Trouble) -> bool:
        if self._place.postgres is None:
            return False
        pid = self._backend(admin, trouble)
        if pid is None:
            return False
        try:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._stop.wait(trouble.seconds)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return True

    def _cancelled_statement(self, admin: Connection, trouble: Trouble) -> bool:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline and not self._stop.is_set():
            pid = self._backend(admin, trouble, active=True)
            if pid is not None and admin.execute("select pg_cancel_backend(%(pid)s)", {"pid": pid}).fetchone() == (
                True,
            ):
                return True
        return False

    def _odd_role(self, admin: Connection, trouble: Trouble) -> bool:
        """What an administrator has set for a login holds for each new session of it."""
        login = self._pick([*self._place.owners, self._place.worker], trouble)
        name = self._pick(sorted(ODD), trouble)
        role = sql.Identifier(login)
        for reset in (True, False):
            how = sql.SQL("reset all") if reset else sql.SQL("set {} = {}").format(
                sql.Identifier(name), sql.Literal(ODD[name][0]))  # fmt: skip
            admin.execute(sql.SQL("alter role {} ").format(role) + how)
        self._stop.wait(trouble.seconds)
        admin.execute(sql.SQL("alter role {} reset all").format(role))
        return True

    def _backend(self, admin: Connection, trouble: Trouble, *, active: bool = False) -> int | None:
        rows = admin.execute(
            """
            select pid from pg_stat_activity
            where datname = current_database() and backend_type = 'client backend' and usename <> current_user
              and (state = 'active' or not %(active)s)
            order by pid""",
            {"active": active},
        ).fetchall()
        return int(rows[int(trouble.draw * len(rows))][0]) if rows else None

    def _pick(self, what: list[str], trouble: Trouble) -> str:
        return what[int(trouble.draw * 7919 % len(what))]
