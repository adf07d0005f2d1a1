"""0.1.0, as it was released: its code in an environment of its own, so that it can run beside today's."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import DictRow
from serving import running

from ledger.model.catalogue import CLIENT_TYPES
from ledger.postgres.feed import Verification

V1 = Path(__file__).parents[1] / "upgrades" / "v1"
"""What it left behind."""


def restore_v1(connection: Connection[Any]) -> None:
    """Put the ledger that 0.1.0 has filled into an empty database, as a superuser, in autocommit mode."""
    connection.execute((V1 / "schema.sql").read_bytes())
    connection.execute((V1 / "database.sql").read_bytes())


class OldVersion:
    """The wheel of 0.1.0, installed beside what it needs."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self._python = folder / "bin" / "python"
        (packages,) = folder.glob("lib/python*/site-packages")
        (wheel,) = V1.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(packages)
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(self, program: str, *arguments: str) -> str:
        """What a program of an app prints that uses this version."""
        command = [str(self._python), "-c", program, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=V1).stdout

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """A program of an app that uses this version, and goes on. Its caller ends it."""
        command = [str(self._python), "-c", program, *arguments]
        return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=V1)

    def jobledger(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command of this version."""
        command = self._command(*arguments)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=V1)

    @contextmanager
    def processor(self, dsn: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """``jobledger serve`` of this version, with the jobs of v1/make.py. Killed at the end, if it still runs."""
        with running(self._command("serve", "--app", "make:jobs", "--dsn", dsn), log, cwd=V1) as process:
            yield process

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._python), "-B", "-m", "jobledger", *arguments]


def count_events(connection: Connection[DictRow]) -> Verification:
    """What ``verify`` counts, of a schema of any version."""
    row = connection.execute(_COUNTED.encode(), {"client_types": sorted(CLIENT_TYPES)}).fetchone()
    assert row is not None
    return Verification(**row)


_COUNTED: Final = """
    select (select count(*) from ledger.events e left join ledger.log l on l.event_id = e.id
            where e.job_id is not null and (l.seq is not null or e.type <> all (%(client_types)s))) as events,
           (select count(*) from ledger.jobs) as jobs,
           (select count(*) from ledger.events e where not exists (select from ledger.log l where l.event_id = e.id))
               as unsequenced
"""
