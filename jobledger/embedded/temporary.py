"""A server, or a folder with a place for one, for the length of a ``with`` block; and the watchdog that clears up
if this process cannot."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from jobledger.embedded.account import Account
from jobledger.embedded.server import NO_SETTINGS, EmbeddedPostgres

CHILDREN: Final = "children"
"""Holds a file for each process that must not outlive its folder; its name is the process number."""

# Runs in a process of its own and waits for the end of its standard input, which comes when the Python process
# closes it or dies in any way. Unless it has read a line, it then stops what is still there and removes the folders.
# An initdb may finish first: it takes half a second, and one that fails midway leaves shared memory behind.
WATCHDOG: Final = """
trap '' INT TERM HUP
until_gone() {
  tries=0
  while [ "$tries" -lt 600 ] && [ -e "$2" ] && kill -0 "$1"; do tries=$((tries + 1)); sleep 0.05; done
}
read -r _ && exit
for file in "${1:?}"/children/*; do [ -e "$file" ] && kill -KILL "${file##*/}"; done
file="${2:?}/initdb.pid"
pid=$(head -n 1 "$file") && until_gone "$pid" "$file"
file="${2:?}/cluster/postmaster.pid"
pid=$(head -n 1 "$file") && kill -INT "$pid" && until_gone "$pid" "$file"
tries=0
while [ -e "${1:?}" ] && [ "$tries" -lt 100 ]; do
  tries=$((tries + 1)); rm -rf "${1:?}" || sleep 0.1
done
rm -rf "${3:?}"
"""


class TemporaryFolder:
    """A folder that is gone at the end of its block, with all that runs in it, however this process ends."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, watchdog: IO[bytes]) -> None:
        self.folder: Final = folder
        self.server: Final = server
        """Not started yet."""
        self.kept = False
        self._watchdog = watchdog

    def keep(self) -> None:
        """From now on everything stays: the folder, and the server if it runs."""
        self._watchdog.write(b"keep\n")
        self._watchdog.flush()
        self.kept = True

    @contextmanager
    def process(self, command: Sequence[str], log: Path, *, patience: float = 5.0) -> Iterator[subprocess.Popen[bytes]]:
        """A process that is asked to stop at the end, and made to if it does not; it does not outlive this one."""
        children = self.folder / CHILDREN
        children.mkdir(exist_ok=True)
        # it writes its own number down before it becomes the program: so there is no moment in which nobody knows it
        note = ["/bin/sh", "-c", ': > "$0/$$" && exec "$@"', str(children), *command]
        with log.open("wb") as output:
            process = subprocess.Popen(
                note, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            (children / str(process.pid)).unlink(missing_ok=True)


@contextmanager
def temporary_folder(prefix: str, *, data: str = "pg", below: Path | None = None) -> Iterator[TemporaryFolder]:
    """A new folder for files, processes and, in its subfolder ``data``, a server. All are gone at the end.

    It is made in ``below``, or where the system keeps temporary files.
    """
    account = Account.find()
    parent = below or Path(tempfile.gettempdir())
    if not account.can_enter(parent):
        parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of its own there
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
    if account.other:
        folder.chmod(0o711)
    server = EmbeddedPostgres(folder / data)
    with ExitStack() as ends:
        watchdog = ends.enter_context(
            subprocess.Popen(
                ["/bin/sh", "-c", WATCHDOG, "jobledger-watchdog", folder, server.data, server.sockets],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        )
        assert watchdog.stdin is not None
        scratch = TemporaryFolder(folder, server, watchdog.stdin)
        try:
            yield scratch
        finally:
            if not scratch.kept:
                try:
                    server.stop()
                finally:
                    shutil.rmtree(folder, ignore_errors=True)  # the watchdog removes what a dying child still added
            with suppress(BrokenPipeError):  # it has ended, as it was asked to
                watchdog.stdin.close()


@contextmanager
def temporary_postgres(
    settings: Mapping[str, str] = NO_SETTINGS, *, port: int | None = None, below: Path | None = None
) -> Iterator[EmbeddedPostgres]:
    """A new server in a temporary folder; both are gone at the end, also if this process is killed.

    ``settings`` and ``port`` are those of ``EmbeddedPostgres.start``. The folder is made in ``below``, or where the
    system keeps temporary files. Raises LedgerError if the server does not start.
    """
    with temporary_folder("jobledger-pg-", data=".", below=below) as scratch:
        scratch.server.start(settings, port=port)
        yield scratch.server
