"""A server for the length of a ``with`` block, and the watchdog that clears up if this process cannot."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jobledger.embedded.account import Account
from jobledger.embedded.server import NO_SETTINGS, EmbeddedPostgres

# Runs in a process of its own and waits for the end of its standard input, which comes when the Python process
# closes it or dies in any way. It then stops what is still there and removes the folders. An initdb may finish first:
# it takes half a second, and one that fails midway leaves shared memory behind.
WATCHDOG: Final = """
trap '' INT TERM HUP
until_gone() {
  tries=0
  while [ "$tries" -lt 600 ] && [ -e "$2" ] && kill -0 "$1"; do tries=$((tries + 1)); sleep 0.05; done
}
read -r _
file="${1:?}/initdb.pid"
pid=$(head -n 1 "$file") && until_gone "$pid" "$file"
file="${1:?}/cluster/postmaster.pid"
pid=$(head -n 1 "$file") && kill -INT "$pid" && until_gone "$pid" "$file"
tries=0
while [ -e "${1:?}" ] && [ "$tries" -lt 100 ]; do
  tries=$((tries + 1)); rm -rf "${1:?}" || sleep 0.1
done
rm -rf "${2:?}"
"""


@contextmanager
def temporary_postgres(
    settings: Mapping[str, str] = NO_SETTINGS, *, port: int | None = None, below: Path | None = None
) -> Iterator[EmbeddedPostgres]:
    """A new server in a temporary folder; both are gone at the end, also if this process is killed.

    ``settings`` and ``port`` are those of ``EmbeddedPostgres.start``. The folder is made in ``below``, or where the
    system keeps temporary files. Raises LedgerError if the server does not start.
    """
    account = Account.find()
    parent = below or Path(tempfile.gettempdir())
    if not account.can_enter(parent):
        parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of its own there
    folder = Path(tempfile.mkdtemp(prefix="jobledger-pg-", dir=parent)).resolve()
    if account.other:
        folder.chmod(0o711)
    server = EmbeddedPostgres(folder)
    with subprocess.Popen(
        ["/bin/sh", "-c", WATCHDOG, "jobledger-watchdog", folder, server.sockets],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    ):
        try:
            server.start(settings, port=port)
            yield server
        finally:
            try:
                server.stop()
            finally:
                shutil.rmtree(folder, ignore_errors=True)  # the watchdog removes what a dying child still added
