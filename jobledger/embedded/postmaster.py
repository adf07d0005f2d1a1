"""What a server says about itself in ``postmaster.pid``, and what can be done with only that."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from ledger.errors import LedgerError

STOPPED_WITHIN_S: Final = 30.0
"""For a fast shutdown, before an immediate one."""
POLL_S: Final = 0.01
"""Between two looks at the server's own state file."""
_ANSWERS_WITHIN_S: Final = 30.0  # also on a machine that is very busy
_SSL_REQUEST: Final = struct.pack("!II", 8, 80877103)  # the one question that needs no login (protocol's manual)


@dataclass(frozen=True)
class Postmaster:
    """The server of one cluster as its file describes it; it may be gone already."""

    cluster: Path
    pid: int
    port: int
    sockets: Path
    listens: str
    status: str

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """The file's content; None if there is none, or it is not written yet.

        Raises LedgerError if the file belongs to another account.
        """
        try:
            lines = (cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        except PermissionError as denied:
            raise LedgerError(
                f"the server in {cluster.parent} belongs to another account", hint="use that account, or another --data"
            ) from denied
        if len(lines) < 5:
            return None
        lines += [""] * (8 - len(lines))
        return cls(cluster, int(lines[0]), int(lines[3]), Path(lines[4]), lines[5], lines[7].strip())

    def answers(self) -> bool:
        """Whether the server reacts to a client. To accept the connection is not enough: a dying one still does."""
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.settimeout(_ANSWERS_WITHIN_S)
            probe.connect(str(self.sockets / f".s.PGSQL.{self.port}"))
            probe.sendall(_SSL_REQUEST)
            return probe.recv(1) in (b"N", b"S")
        return False

    def alive(self) -> bool:
        """Whether the process is there and is this cluster's server, not a later process with the same number."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return self.answers()
        with suppress(OSError):  # no /proc on this system, or not ours to read: the socket decides
            return Path(f"/proc/{self.pid}/cwd").readlink() == self.cluster.resolve()
        return self.answers()

    def halt(self) -> None:
        """Stop the server: fast first, immediate if that takes too long.

        Raises LedgerError if the server belongs to another account or survives both.
        """
        for how in (signal.SIGINT, signal.SIGQUIT):
            try:
                os.kill(self.pid, how)
            except ProcessLookupError:
                return
            except PermissionError as denied:
                raise LedgerError(
                    f"the server in {self.cluster.parent} (process {self.pid}) belongs to another account"
                ) from denied
            if self._gone_within(STOPPED_WITHIN_S):
                return
        raise LedgerError(f"the server in {self.cluster.parent} (process {self.pid}) does not stop")

    def clear_remains(self) -> None:
        """Make way after a crash. What PostgreSQL checks by itself (shared memory still in use) stays its decision."""
        if self.alive():
            self.halt()  # it runs but lost its socket: nobody can reach it any more
        with suppress(FileNotFoundError):
            # PostgreSQL refuses to start while the number in its file is taken, also by another program. It takes the
            # number of its own parent for a remnant, so that number is written in its place.
            file = self.cluster / "postmaster.pid"
            _, rest = file.read_text().split("\n", 1)
            file.write_text(f"{os.getpid()}\n{rest}")

    def _gone_within(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if os.waitpid(self.pid, os.WNOHANG)[0] == self.pid:
                    return True
            except ChildProcessError:  # another process started it
                if not self.alive() or not (self.cluster / "postmaster.pid").exists():
                    return True
            time.sleep(POLL_S)
        return False
