"""Whatever happens to a set of files of one owner, in the end they and the server agree."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import UUID

from databases import new_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stepwise import Server

from client_sync import Job, JobClient
from client_sync.sync.result import SyncResult

FILES = 3
file = st.integers(0, FILES - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), file),
        st.tuples(st.just("cancel"), file),
        st.tuples(st.just("sync"), file),
        st.tuples(st.just("cut"), file),
        st.tuples(st.just("copy"), file),
        st.tuples(st.just("complete"), file),
        st.tuples(st.just("sequence"), file),
        st.tuples(st.just("new life"), file),
    ),
    min_size=5,
    max_size=25,
)


class Cut(Exception):
    """The exchange ends in its middle."""


class Files:
    """Some files of one owner. Each step may happen to any of them at any time."""

    def __init__(self, folder: Path, server: Server, opened: ExitStack) -> None:
        self._folder = folder
        self._server = server
        self._opened = opened
        self.clients = [self._open(n) for n in range(FILES)]
        self.submitted: set[UUID] = set()

    def step(self, what: str, n: int) -> None:
        client = self.clients[n]
        match what:
            case "submit":
                self.submitted.add(client.submit("a").id)
            case "cancel":
                for job in client.list(limit=1):
                    if not job.finished:
                        client.cancel(job.id)
            case "sync":
                client.sync()
            case "cut":
                with suppress(Cut):
                    client.sync(report=self._cut)
            case "copy":
                self._replace_by_a_copy(n, (n + 1) % FILES)
            case "complete":
                self._server.complete("a", n)
            case "sequence":
                self._server.sequence()
            case "new life":
                self._server.begin_life()

    def settle(self) -> None:
        """Let everybody send what they have, the server work it off, and everybody read it."""
        for client in self.clients:
            client.sync()
        self._server.complete("a", 17)
        for client in self.clients:
            client.sync()

    def _open(self, n: int) -> JobClient:
        client = JobClient(self._folder / f"{n}.db", dsn=self._server.dsn)
        self._opened.callback(client.close)
        return client

    def _replace_by_a_copy(self, source: int, target: int) -> None:
        """The target's own events that were never sent go with it: what a person does who copies over a file."""
        self.submitted -= {job.id for job in self.clients[target].list(limit=1000) if job.standing == "saved"}
        self.submitted |= {job.id for job in self.clients[source].list(limit=1000) if job.standing == "saved"}
        self.clients[target].close()
        for suffix in ("", "-wal", "-shm"):
            (self._folder / f"{target}.db{suffix}").unlink(missing_ok=True)
        live, copy = sqlite3.connect(self._folder / f"{source}.db"), sqlite3.connect(self._folder / f"{target}.db")
        live.backup(copy)
        live.close()
        copy.close()
        self.clients[target] = self._open(target)

    @staticmethod
    def _cut(_: SyncResult) -> None:
        raise Cut


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_p2_p3_all_files_and_the_server_agree_in_the_end(
    postgres_dsn: str, template: str, steps: list[tuple[str, int]]
) -> None:
    with (
        new_database(postgres_dsn, template) as database,
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as opened,
    ):
        server = Server(database)
        files = Files(Path(folder), server, opened)
        for what, n in steps:
            files.step(what, n)
        files.settle()

        shown = [{job.id: job for job in client.list(limit=1000)} for client in files.clients]
        assert shown[0] == shown[1] == shown[2]
        assert files.submitted <= shown[0].keys()
        assert all(job.finished and job.standing == "synced" for job in shown[0].values())
        assert server.count("job.requested") == len(shown[0]), "each request counts once"
        assert {job_id: _summary(job) for job_id, job in shown[0].items()} == server.jobs()
        server.check()


def _summary(job: Job) -> tuple[str, int]:
    return job.status, job.attempt
