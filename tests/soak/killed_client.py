"""A process to be killed: it submits and syncs without a pause, and says each job once ``submit`` has returned.

Such clients are forked from a process that has imported everything and has no threads, so that one costs milliseconds.
"""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from uuid import UUID

from client_sync import JobClient
from ledger.errors import LedgerError

MOST_JOBS: Final = 400
SYNC_EVERY: Final = 4
STARTS_WITHIN_S: Final = 60.0
READY: Final = b"ready"

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["soak.run", "client_sync.sync.exchange", "ledger.postgres.database", "ledger.model.events", "psycopg"]
)


class KilledClient:
    """One such process, working on ``path`` from ``with`` on. At the end of the block it is killed, if not before."""

    def __init__(self, path: Path, dsn: str) -> None:
        self._said, says = _context.Pipe(duplex=False)
        self._process = _context.Process(target=run_client, args=(path, dsn, says), daemon=True)
        self._process.start()
        says.close()

    def __enter__(self) -> KilledClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._said.close()

    def wait_until_ready(self) -> None:
        """Returns when the file is open. Raises RuntimeError if that does not happen."""
        if not self._said.poll(STARTS_WITHIN_S) or self._said.recv_bytes() != READY:
            raise RuntimeError("the process that was to be killed did not start")

    def kill(self) -> list[UUID]:
        """SIGKILL. Gives the jobs whose ``submit`` had returned, as far as it could still say so."""
        self._process.kill()
        said = []
        with suppress(EOFError, OSError):  # the last word may be cut short
            while True:
                said.append(UUID(bytes=self._said.recv_bytes()))
        return said


def run_client(path: Path, dsn: str, says: Connection) -> None:
    """What the process does until it is killed."""
    with JobClient(path, dsn=dsn, create=False) as client:
        says.send_bytes(READY)
        for n in range(MOST_JOBS):
            says.send_bytes(client.submit("soak", {"killed": n}).id.bytes)
            if n % SYNC_EVERY == 0:
                with suppress(LedgerError):
                    client.sync()
