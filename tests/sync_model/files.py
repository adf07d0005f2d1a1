"""The files of the model: real SQLite files that are copied, put back, and left behind by processes that die."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from soak.files import copy_file, look_into

from client_sync import JobClient
from client_sync.care.salvage.salvage import salvage
from client_sync.file.lock import sync_lock
from client_sync.file.projection import refold
from client_sync.file.replica import Replica
from client_sync.sync.exchange import note_failure
from ledger.errors import NotALedger, ServerUnreachable
from ledger.model.fold import load_state
from ledger.model.ids import new_id
from sync_model.wire import Call, Steps, Wire

LOGINS: Final = {"app_alice": "app_alice", "app_bob": "app_bob", "carol@example.com": "app_alice"}
"""Who syncs the files of whom: carol has no login, and somebody acts on her behalf."""
MOST_COPIES: Final = 2
_PARTS: Final = ("", "-wal", "-shm")
_PAGE: Final = 4096
_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_AT_ONCE: Final = timedelta(days=-1)
_WRITTEN: Final = """
    select id, job_id, type, occurred_at, data, local_seq from events where local_seq is not null order by local_seq"""
# what salvage may leave to the server, or to whoever reads why it was refused
_NEEDS_NO_SAVING: Final = """
    select e.id from events e cross join replica p
    where e.seq is not null and e.local_seq <= p.acked_seq or e.id in (select f.event_id from refusals f)"""


class Crash(BaseException):
    """The process ends here. Nothing in it hears of this."""


@dataclass
class Contents:
    """What has to be in a file.

    ``own`` has by their numbers the events that were written in it, or in the file that it was copied from, and
    ``last`` the highest number ever. ``gone`` has the events that compaction took and no reading has brought back.
    """

    own: dict[int, str] = field(default_factory=dict)
    last: int = 0
    gone: set[str] = field(default_factory=set)

    def copy(self) -> Contents:
        return Contents(dict(self.own), self.last, set(self.gone))


class ReplicaFile:
    """One file, and what has to be in it."""

    def __init__(self, path: Path, owner: str, copy_of: ReplicaFile | None = None) -> None:
        self.path: Final = path
        self.owner: Final = owner
        self.login: Final = LOGINS[owner]
        self.on_behalf_of: Final = None if self.login == owner else owner
        self.has = Contents()
        self._copies: list[tuple[Path, Contents]] = []
        self._copied = 0
        if copy_of is not None:
            copy_file(copy_of.path, path)
            self.has = copy_of.has.copy()
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
        rows = read_file(self.path, _WRITTEN)
        old = {row["local_seq"]: row["id"] for row in rows if row["local_seq"] <= self.has.last}
        assert old == self.has.own, f"own events of {self.path.name} were lost or changed places"
        new = [row for row in rows if row["local_seq"] > self.has.last]
        for row in new:
            self.has.own[row["local_seq"]] = row["id"]
            self.has.last = row["local_seq"]
        return [(row["id"], row["job_id"], row["data"]) for row in new]

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
        steps = Steps(replica, on_behalf_of=self.on_behalf_of)
        dead = _Remains(self.path, crash_at)

        def follow() -> None:
            (position,) = read_file(self.path, "select pulled_seq from replica")
            if position["pulled_seq"] == 0:
                self.has.gone.clear()  # what is read from the start comes back
            dead.count()

        no_longer = replica.on_change(follow)
        try:
            with sync_lock(self.path, timeout=5), replica.translating():
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
        self._copies.append((copy, self.has.copy()))
        if len(self._copies) > MOST_COPIES:
            self._copies.pop(0)[0].unlink()

    def restore(self, which: int) -> bool:
        """Put an older copy in the place of the file. False without a copy."""
        if not self._copies:
            return False
        copy, contents = self._copies[which % len(self._copies)]
        self.has = contents.copy()
        self._replace(lambda: copy_file(copy, self.path))
        return True

    def compact(self) -> int:
        """Let every job go that may. How many went."""
        events = "select id, job_id from events"
        before = {row["id"]: row["job_id"] for row in read_file(self.path, events)}
        result = self.client.compact(_AT_ONCE)
        after = {row["id"]: row["job_id"] for row in read_file(self.path, events)}
        left = before.keys() - after.keys()
        jobs = {before[event_id] for event_id in left}
        assert (result.jobs, result.events) == (len(jobs), len(left))
        assert jobs.isdisjoint(after.values()), "a job leaves whole"
        self.has.gone |= left
        self.has.own = {number: event_id for number, event_id in self.has.own.items() if event_id not in left}
        return result.jobs

    def salvage(self, page: int, start: int, *, in_log: bool) -> int:
        """Damage a page, from byte ``start`` on, and go on with what can be saved. How many events of its own were."""
        remains = _Remains(self.path, None)
        remains.take()
        damaged, new = Path(f"{self.path}.dead"), Path(f"{self.path}.new")
        on_page = _spoil(Path(f"{damaged}-wal") if in_log else damaged, page, start, in_log=in_log)
        before = {row["id"]: tuple(row)[:-1] for row in read_file(self.path, _WRITTEN)}
        spared = [event_id for event_id in before if event_id.encode() not in on_page]
        needed = set(spared) - {row["id"] for row in read_file(self.path, _NEEDS_NO_SAVING)}
        try:
            salvage(damaged, new)
        except NotALedger:
            assert not needed, f"{self.path.name} held what nobody else has"
            JobClient(new).close()
        rows = read_file(new, _WRITTEN)
        after = {row["id"]: tuple(row)[:-1] for row in rows}
        assert needed <= after.keys(), f"salvage has left behind what is only in {self.path.name}"
        # an older page in the log may still have what compaction took: it was written here, and is saved once more
        assert {event_id: row for event_id, row in after.items() if event_id in before}.items() <= before.items()
        assert [e for e in after if e in spared] == [e for e in spared if e in after], "in the order of the old file"
        self.has = Contents({row["local_seq"]: row["id"] for row in rows}, len(rows))
        self._replace(lambda: new.rename(self.path))
        for part in _PARTS:
            Path(f"{damaged}{part}").unlink(missing_ok=True)
            Path(f"{new}{part}").unlink(missing_ok=True)
        return len(rows)

    def _replace(self, put: Callable[[], object]) -> None:
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


def _spoil(file: Path, page: int, start: int, *, in_log: bool) -> bytes:
    """Flip every bit of a page, or of a frame of the log, from ``start`` to its end. What was there, with its frame."""
    if not file.exists():
        return b""
    content = bytearray(file.read_bytes())
    first, size = (_LOG_HEADER, _FRAME_HEADER + _PAGE) if in_log else (0, _PAGE)
    if len(content) <= first:
        return b""
    if in_log:
        start = max(start, _FRAME_HEADER)  # without its header, nobody knows whether a frame was a commit
    first += page % ((len(content) - first) // size) * size
    whole = bytes(content[first : first + size])
    content[first + start : first + size] = bytes(byte ^ 0xFF for byte in whole[start:])
    file.write_bytes(content)
    return whole


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
