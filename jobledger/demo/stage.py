"""The demo's server and processors, and the watching of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jobledger.admin.grants import grant
from jobledger.embedded import TemporaryFolder
from ledger.errors import LedgerError
from ledger.postgres.admin import watching
from ledger.postgres.database import connect
from ledger.postgres.schema import install

if TYPE_CHECKING:
    from ledger.postgres.database import Session

PROCESSORS: Final = 2
PATIENCE_S: Final = 50.0
"""The demo ends by itself in under a minute; what is not done by then counts as a failure."""
POLL_S: Final = 0.05
ENDED: Final = ("completed", "cancelled", "failed")


@dataclass(frozen=True)
class Killed:
    """A processor that was killed, when by the server's clock, and how many jobs it was running."""

    processor: UUID
    at: datetime
    running: int


class Stage:
    """A server with the ledger, and processors that run."""

    def __init__(self, scratch: TemporaryFolder, admin: Session) -> None:
        self.admin: Final = admin
        self.app_dsn: Final = scratch.server.dsn(user="demo_app")
        self.worker_dsn: Final = scratch.server.dsn(user="demo_worker")
        self._processors: dict[subprocess.Popen[bytes], Path] = {}

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        """Look again and again until something holds. Raises LedgerError when it does not in time.

        Raises LedgerError too, with its last words, if a processor ends meanwhile by itself.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            for process, log in self._processors.items():
                if process.poll() is not None:
                    said = log.read_text(errors="replace").splitlines()[-1:] or ["it said nothing"]
                    raise LedgerError(f"a processor of the demo ended with code {process.returncode}: {said[0]}")
            if time.monotonic() > deadline:
                raise LedgerError(
                    f"the demo waited {PATIENCE_S:.0f} s for {what}", hint="run it again on a quieter machine"
                )
            time.sleep(POLL_S)

    def added(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._processors[process] = log

    def wait_until_registered(self) -> None:
        self.wait_for(lambda: watching.count_processors(self.admin) == PROCESSORS, "its processors")

    def kill_a_busy_one(self) -> Killed | None:
        """Kill the processor that runs the most jobs. None when there is none left to run."""
        while True:
            busiest = watching.find_busiest(self.admin)
            if busiest is None and watching.count_unfinished(self.admin) == 0:
                return None
            process = busiest and next((p for p in self._processors if p.pid == busiest.pid), None)
            if not busiest or not process:
                time.sleep(0.01)
                continue
            # held still, it cannot finish them between the look and the kill
            process.send_signal(signal.SIGSTOP)
            running = watching.read_running(self.admin, busiest.processor)
            if running.jobs:
                del self._processors[process]
                process.kill()
                process.wait()
                return Killed(busiest.processor, running.at, running.jobs)
            process.send_signal(signal.SIGCONT)

    def wait_for_takeover(self, killed: Killed) -> float | None:
        """Wait until a job of the killed one runs again; after how many seconds. None if it had just ended them all."""

        def known() -> bool:
            if watching.first_rerun_at(self.admin) is not None:
                return True
            return watching.count_lost(self.admin) == watching.read_running(self.admin, killed.processor).jobs == 0

        self.wait_for(known, "a lost job to run again")
        at = watching.first_rerun_at(self.admin)
        return None if at is None else (at - killed.at).total_seconds()

    def wait_until_sequenced(self) -> None:
        """Until every event in the ledger is in order."""
        self.wait_for(lambda: watching.count_unsequenced(self.admin) == 0, "the log to be complete")


@contextmanager
def open_stage(scratch: TemporaryFolder) -> Iterator[Stage]:
    """Start the server, install the schema, and make a login for the app and one for the processors."""
    scratch.server.start()
    with connect(scratch.server.dsn(), application_name="jobledger demo") as admin:
        install(admin)
        grant(admin, "client", "demo_app")
        grant(admin, "processor", "demo_worker")
        yield Stage(scratch, admin)


@contextmanager
def processors(scratch: TemporaryFolder, stage: Stage) -> Iterator[None]:
    """Two processors, which are there when the block begins."""
    with _processor(scratch, stage, "1"), _processor(scratch, stage, "2"):
        stage.wait_until_registered()
        yield


@contextmanager
def live(console: Console, stage: Stage, total: int) -> Iterator[Callable[[float], None]]:
    """Progress bars; gives a function that follows the work until a share of all jobs has ended."""
    columns = (TextColumn("   {task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = {status: progress.add_task(status, total=total) for status in (*ENDED, "running")}

        def watch(share: float) -> None:
            def enough() -> bool:
                counts = watching.count_by_status(stage.admin)
                for status, bar in bars.items():
                    progress.update(bar, completed=counts.get(status, 0))
                return bool(sum(counts.get(status, 0) for status in ENDED) >= share * total)

            stage.wait_for(enough, "the jobs to be done")

        yield watch


@contextmanager
def _processor(scratch: TemporaryFolder, stage: Stage, name: str) -> Iterator[None]:
    """A real, separate processor."""
    log = scratch.folder / f"processor-{name}.log"
    serve = [sys.executable, "-m", "jobledger", "serve", "--app", "jobledger.demo.jobs:jobs", "--threads", "4"]
    with scratch.process([*serve, "--dsn", stage.worker_dsn], log) as process:
        stage.added(process, log)
        yield
