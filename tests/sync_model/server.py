"""The server's side of the model: a database that can be dumped and restored, and a processor moved step by step."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import psycopg
from databases import Database, new_database
from ledger_calls import Worker, find_lost, sequence
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow
from soak.server import Rescuer
from waiting import until

from ledger.postgres.database import connect
from sync_model.files import LOGINS
from sync_model.wire import Wire

Outcome: TypeAlias = Literal["started", "progressed", "completed", "retried", "deferred", "failed", "died"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "completed", "started", "progressed", "retried", "deferred", "failed", "died",
)  # fmt: skip
LONG_AGO: Final = "2020-01-01T00:00:00Z"
MOST_DUMPS: Final = 2
_ERROR: Final = {"type": "Modelled", "message": "as the model wants it"}


@dataclass
class _Place:
    """A database, for as long as ``opened`` is open."""

    life: ExitStack
    database: Database
    taken: frozenset[str]

    @property
    def name(self) -> str:
        return str(conninfo_to_dict(self.database.dsn)["dbname"])


class ModelServer:
    """``taken`` holds the clients' events that the present database has, or has refused."""

    def __init__(self, server: str, template: str) -> None:
        self._server = server
        self._here = self._copy(template, frozenset())
        self._dumps: list[_Place] = []
        self._sessions: dict[str, Connection[DictRow]] = {}
        self._wires: dict[Path, Wire] = {}
        self._worker: Worker | None = None
        self._running: list[DictRow] = []
        self.taken: frozenset[str] = frozenset()
        self.in_order = True
        for owner, login in LOGINS.items():
            if login != owner:
                self.rows("select ledger.delegate(%(login)s, %(owner)s, true)", login=login, owner=owner)
        self.sequence()

    def close(self) -> None:
        self._hang_up_all()
        for place in (self._here, *self._dumps):
            place.life.close()

    def dsn(self, login: str) -> str:
        return self._here.database.dsn_as(login)

    def wire(self, path: Path, login: str) -> Wire:
        """The session of a file; another one where the last was cut."""
        if path not in self._wires or self._wires[path].closed:
            self._wires[path] = Wire(self.dsn(login))
        return self._wires[path]

    @property
    def admin(self) -> Connection[DictRow]:
        return self._session("postgres")

    def rows(self, query: str, **parameters: Any) -> list[DictRow]:
        return self.admin.execute(query.encode(), parameters).fetchall()

    @property
    def epoch(self) -> str | None:
        """The present epoch; None while nobody has looked whether this database was restored."""
        if not self.in_order:
            return None
        (row,) = self.rows("select l.epoch::text from ledger.sequencer s join ledger.lives l on l.life = s.life")
        return str(row["epoch"])

    def log_of(self, owner: str) -> dict[str, int]:
        rows = self.rows("select l.event_id::text as id, l.seq from ledger.log l where l.owner = %(o)s", o=owner)
        return {row["id"]: row["seq"] for row in rows}

    def look(self) -> None:
        """Take in what the server has by now. It may only ever have more."""
        taken = self._read_taken()
        assert self.taken <= taken, f"the server had and has no more: {sorted(self.taken - taken)}"
        self.taken = taken

    def dump(self) -> None:
        self._hang_up_all()
        self._dumps.append(self._copy(self._here.name, self.taken))
        if len(self._dumps) > MOST_DUMPS:
            self._dumps.pop(0).life.close()

    def restore(self, which: int) -> bool:
        """Go on in one of the dumps, a database that nobody has looked at yet. False without a dump."""
        if not self._dumps:
            return False
        self._go_on_in(self._dumps.pop(which % len(self._dumps)))
        return True

    def move(self, server: str, database: AbstractContextManager[Database], taken: frozenset[str]) -> None:
        """Go on in a database of another server, into which a dump was restored. ``taken`` is what the dump has."""
        life = ExitStack()
        self._go_on_in(_Place(life, life.enter_context(database), taken))
        self._server = server

    def _go_on_in(self, place: _Place) -> None:
        self._hang_up_all()
        self._here.life.close()
        self._here, self.taken = place, place.taken
        assert self._read_taken() == self.taken, "a dump holds what the server had"
        self.in_order = False

    def begin_life(self) -> None:
        self.rows("select ledger.begin_epoch('as the model wants it')")
        self.in_order = True

    def limit(self, params_bytes: int) -> None:
        self.admin.execute("update ledger.limits set max_params_bytes = %(n)s", {"n": params_bytes})

    # The processor

    def sequence(self) -> int:
        self.in_order = True  # a pass begins a new life where one is due
        total = 0
        while passed := sequence(self._session("worker"), limit=5):
            total += passed
        return total

    def work(self, outcome: Outcome, most: int) -> int:
        """Put everything in order, take up to ``most`` jobs, and let all that run come to ``outcome``; how many."""
        self.sequence()
        self._rescue()
        if self._worker is None:
            self._worker = Worker(self._session("worker"))
        worker = self._worker
        self._running += worker.claim(most)
        jobs = list(self._running)
        said = [event for job in jobs for event in _say(job, outcome)]
        if said:
            late = worker.record(*said)
            assert late == [], f"nobody else runs these jobs: {late}"
        if outcome == "died":
            self._hang_up()
        if outcome not in ("started", "progressed"):
            self._running.clear()
        self.sequence()
        return len(jobs)

    def _rescue(self) -> None:
        """Give up the processors whose sessions are gone, so that their jobs run again."""
        # a server that has just started gives its processors a moment to come back
        old = "select pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds' as is_so"
        until(lambda: self.rows(old)[0]["is_so"], "the server to be older than that moment")
        orphans = find_lost(self.admin)
        for processor, left in groupby(orphans, key=itemgetter("processor")):
            lost = {"processor": str(processor), "noticed_by": "lock", "retry_at": LONG_AGO}
            jobs = [(job, "attempt.lost", lost) for job in left if job["job_id"]]
            if jobs:
                Rescuer(self.admin, processor).record(*jobs)
            self.rows("select ledger.forget_claims(%(id)s)", id=processor)
        self.sequence()

    def _session(self, user: str) -> Connection[DictRow]:
        """The session of a user, opened when it is needed."""
        if user not in self._sessions:
            database = self._here.database
            self._sessions[user] = connect(database.dsn if user == "postgres" else database.dsn_as(user))
        return self._sessions[user]

    def _hang_up(self) -> None:
        """End every session, and with them the processor; returns when the server has noticed."""
        self._worker = None
        self._running.clear()
        gone = [session.info.backend_pid for session in self._sessions.values()]
        while self._sessions:
            self._sessions.popitem()[1].close()
        with psycopg.connect(self._server, autocommit=True) as admin:
            left = "select from pg_stat_activity where pid = any (%(gone)s)"
            until(lambda: not admin.execute(left, {"gone": gone}).fetchall(), "the sessions to end")

    def _hang_up_all(self) -> None:
        while self._wires:
            self._wires.popitem()[1].close()
        self._hang_up()

    def _copy(self, template: str, taken: frozenset[str]) -> _Place:
        life = ExitStack()
        return _Place(life, life.enter_context(new_database(self._server, template)), taken)

    def _read_taken(self) -> frozenset[str]:
        rows = self.rows(
            """
            select e.id::text as id from ledger.events e where e.replica_id is not null
            union select f.event_id from ledger.refusals f"""
        )
        return frozenset(row["id"] for row in rows)


def _say(job: DictRow, outcome: Outcome) -> list[tuple[DictRow, str, dict[str, Any]]]:
    match outcome:
        case "started" | "died":
            return []
        case "progressed":
            return [(job, "attempt.progressed", {"n": 1, "percent": 50})]
        case "completed":
            return [(job, "job.completed", {"result": {"attempt": job["attempt"]}})]
        case "retried":
            return [(job, "attempt.failed", {"error": _ERROR, "retry_at": LONG_AGO})]
        case "deferred":
            return [(job, "attempt.deferred", {"until": LONG_AGO})]
        case "failed":
            failed = (job, "attempt.failed", {"error": _ERROR, "retry_at": None})
            return [failed, (job, "job.failed", {"attempts": job["attempt"], "error": _ERROR})]
