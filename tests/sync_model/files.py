"""The files of the model: real SQLite files that are copied, put back, and left behind by processes that die."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from soak.files import copy_file, look_into

from client_sync import JobClient
from client_sync.lock import sync_lock
from client_sync.projection import refold
from client_sync.replica import Replica
from client_sync.sync import note_failure, translating
from ledger.errors import ServerUnreachable
from ledger.fold import load_state
from ledger.ids import new_id
from sync_model.wire import Call, Steps, Wire

MOST_COPIES: Final = 2
_PARTS: Final = ("", "-wal", "-shm")


class Crash(BaseException):
    """The process ends here. Nothing in it hears of this."""


class ReplicaFile:
    """One file. ``own`` lists the events that were written in it, or in the file that it was copied from."""

    def __init__(self, path: Path, owner: str, copy_of: ReplicaFile | None = None) -> None:
        self.path: Final = path
        self.owner: Final = owner
        self.own: list[str] = []
        self._copies: list[tuple[Path, list[str]]] = []
        self._copied = 0
        if copy_of is not None:
            copy_file(copy_of.path, path)
            self.own = list(copy_of.own)
        self.client = JobClient(path)

    def close(self) -> None:
        self.client.close()

    def write(self, kind: str, data: str, job_id: UUID | None = None) -> UUID:
        """Append an event with plain SQL, as another language would. Gives its job."""
        job_id = job_id or new_id()
        with self.client.transaction() as connection:
            connection.execute(
                "insert into events (job_id, type, data) values (:job, :type, :data)",
                {"job": str(job_id), "type": kind, "data": data},
            )
        return job_id

    def note_written(self) -> list[tuple[str, str, str]]:
        """Take in what was written since the last look: (id, job_id, data) of each. It may only be more."""
        with look_into(self.path) as connection:
            rows = connection.execute(
                "select id, job_id, data from events where local_seq is not null order by local_seq"
            ).fetchall()
        ids = [row[0] for row in rows]
        assert ids[: len(self.own)] == self.own, f"own events of {self.path.name} were lost or changed places"
        new = rows[len(self.own) :]
        self.own = ids
        return new

    def has_request(self, job_id: UUID) -> bool:
        with look_into(self.path) as connection:
            query = "select 1 from events where job_id = :job_id and type = 'job.requested'"
            return connection.execute(query, {"job_id": str(job_id)}).fetchone() is not None

    def exchange(
        self,
        wire: Wire,
        call: Call,
        *,
        crash_at: int | None = None,
    ) -> Steps:
        """Push, pull or do both in a process of its own; ``crash_at`` ends it right after its n-th SQLite commit.

        Raises whatever no cut explains.
        """
        replica = Replica(self.path, create=False)
        steps = Steps(replica)
        dead = _Remains(self.path, crash_at)
        no_longer = replica.on_change(dead.count)
        try:
            with sync_lock(self.path, timeout=5), replica.translating(), translating():
                getattr(steps, call)(wire)
        except ServerUnreachable as error:
            if not wire.happened:
                raise
            note_failure(replica, error)
        except Crash:
            pass
        finally:
            no_longer()
            replica.close()
        if dead.left:
            self._replace(dead.bring_back)
        return steps

    def kill(self) -> None:
        """The app is killed as it is: what it has written is there when it starts again."""
        remains = _Remains(self.path, None)
        remains.take()
        self._replace(remains.bring_back)

    def back_up(self) -> None:
        self._copied += 1
        copy = self.path.with_suffix(f".copy{self._copied}")
        copy_file(self.path, copy)
        self._copies.append((copy, list(self.own)))
        if len(self._copies) > MOST_COPIES:
            self._copies.pop(0)[0].unlink()

    def restore(self, which: int) -> bool:
        """Put an older copy in the place of the file. False without a copy."""
        if not self._copies:
            return False
        copy, self.own = self._copies[which % len(self._copies)]
        self.own = list(self.own)
        self._replace(lambda: copy_file(copy, self.path))
        return True

    def _replace(self, put: Callable[[], None]) -> None:
        self.client.close()
        for part in _PARTS:
            Path(f"{self.path}{part}").unlink(missing_ok=True)
        put()
        self.client = JobClient(self.path, create=False)


class _Remains:
    """What a process that is killed after its n-th commit leaves on the disk: the file and its log, as they are."""

    def __init__(self, path: Path, crash_at: int | None) -> None:
        self._path = path
        self._crash_at = crash_at
        self._commits = 0
        self.left = False

    def count(self) -> None:
        self._commits += 1
        if self._commits == self._crash_at:
            self.take()
            raise Crash

    def take(self) -> None:
        self.left = True
        for part in ("", "-wal"):
            if (source := Path(f"{self._path}{part}")).exists():
                shutil.copyfile(source, f"{self._path}.dead{part}")

    def bring_back(self) -> None:
        for part in ("", "-wal"):
            if (source := Path(f"{self._path}.dead{part}")).exists():
                source.rename(f"{self._path}{part}")


def read_file(path: Path, query: str) -> list[sqlite3.Row]:
    """All rows of a query, by name, without the code under test."""
    with look_into(path) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query).fetchall()


def refolded(path: Path, scratch: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of ``jobs`` as they are, and as they come out when each job is folded anew from its events."""
    copy_file(path, scratch)
    with closing(Replica(scratch, create=False)) as replica, replica.transaction() as connection:
        kept = _jobs(scratch)
        ids = "select job_id from jobs union select job_id from events where job_id is not null"
        for (job_id,) in connection.execute(ids).fetchall():
            refold(connection, job_id)
        connection.commit()
    return kept, _jobs(scratch)


def _jobs(path: Path) -> list[dict[str, Any]]:
    # the kept state is a text whose order says nothing
    rows = [dict(row) for row in read_file(path, "select * from jobs order by job_id")]
    return [{**row, "fold": row["fold"] and load_state(row["fold"])} for row in rows]
