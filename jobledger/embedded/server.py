"""One PostgreSQL server: created, started, found and stopped by its data folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from jobledger.embedded.account import Account
from jobledger.embedded.binaries import MAJOR, find_binaries
from jobledger.embedded.postmaster import POLL_S, STOPPED_WITHIN_S, Postmaster
from ledger.errors import Conflict, LedgerError, SchemaMismatch

NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
_SOCKET_PATH_LIMIT: Final = 103  # bytes: macOS has the smaller sun_path, 104 with the final zero
_READY_WITHIN_S: Final = 120.0  # recovery after a crash has to replay the log first


class _StartFailed(LedgerError):
    """The server ended, or was not ready in time; ``said`` is what it wrote to its log meanwhile."""

    def __init__(self, message: str, said: str) -> None:
        super().__init__(message)
        self.said = said


class EmbeddedPostgres:
    """One PostgreSQL server, known by its data folder.

    All state is in the folder, so any process of the same user can ask for, start or stop the same server.
    """

    def __init__(self, data: Path) -> None:
        self.data = data.resolve()
        self.cluster = self.data / "cluster"
        self.log = self.data / "server.log"

    @property
    def running(self) -> bool:
        """Whether the server accepts connections now."""
        return self._answering() is not None

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket: in the data folder, or in /tmp if that path is too long for a socket."""
        inside = self.data / "sockets"
        if len(os.fsencode(inside / ".s.PGSQL.65535")) <= _SOCKET_PATH_LIMIT:
            return inside
        name = "jobledger-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / name  # noqa: S108 - make_private checks whose it is

    def dsn(self, database: str = "postgres", user: str = "postgres", *, tcp: bool = False) -> str:
        """The URL to connect with, through the socket or, with ``tcp``, through 127.0.0.1.

        Raises LedgerError if the server is not running, or does not listen on TCP and ``tcp`` asks for it.
        """
        server = self._answering()
        if server is None:
            raise LedgerError(f"no server is running in {self.data}", hint="start one with `jobledger pg start`")
        if tcp and not server.listens:
            raise LedgerError(f"the server in {self.data} listens on its socket only", hint="start it with a port")
        host = f"127.0.0.1:{server.port}" if tcp else ""
        place = "" if tcp else f"?host={quote(str(server.sockets), safe='')}&port={server.port}"
        return f"postgresql://{quote(user, safe='')}@{host}/{quote(database, safe='')}{place}"

    def start(self, settings: Mapping[str, str] = NO_SETTINGS, *, port: int | None = None) -> None:
        """Start the server and return when it accepts connections; the first time, create the cluster.

        ``settings`` are PostgreSQL's own and hold until the server stops. ``port`` makes it listen on 127.0.0.1 too;
        0 takes a free one. If the server is running already, nothing happens and the settings are not applied.
        Raises LedgerError with the end of the server's log if it does not start; it is then not running.
        """
        account = Account.find()
        self._claim_folder(account)
        with self._locked():
            if self.running:
                return
            binaries = find_binaries(account, self.data)
            if remains := Postmaster.read(self.cluster):
                remains.clear_remains()
                for remnant in self.sockets.glob(".s.PGSQL.*"):
                    remnant.unlink()
            if not self.cluster.exists():
                self._create_cluster(binaries, account)
            version = (self.cluster / "PG_VERSION").read_text().strip()
            if version != MAJOR:
                raise SchemaMismatch(
                    f"{self.data} was made by PostgreSQL {version}, this is {MAJOR}", hint="use another folder"
                )
            account.make_private(self.sockets)
            deadline = time.monotonic() + STOPPED_WITHIN_S
            while True:
                try:
                    self._launch(binaries, account, settings, port)
                    return
                except _StartFailed as failure:
                    # After a crash, the children of the old server need a moment to notice and to end.
                    if "shared memory block" not in failure.said or time.monotonic() > deadline:
                        raise
                    time.sleep(POLL_S)

    def stop(self) -> None:
        """Stop the server, if it runs, and wait until it is gone. Everything committed stays in the data folder.

        Raises LedgerError if it belongs to another account or does not stop.
        """
        if not self.cluster.exists():
            return
        with self._locked():
            server = Postmaster.read(self.cluster)
            if server is not None and server.alive():
                server.halt()
            if not self.sockets.is_relative_to(self.data):
                shutil.rmtree(self.sockets, ignore_errors=True)

    def _answering(self) -> Postmaster | None:
        server = Postmaster.read(self.cluster)
        return server if server is not None and server.answers() else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops this server. The lock ends with its process."""
        path = self.data / "server.lock"
        path.touch(mode=0o600)
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _claim_folder(self, account: Account) -> None:
        """Create the data folder, or make sure that the one there is ours and that the account can enter it."""
        missing = [folder for folder in (self.data, *self.data.parents) if not folder.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o711 if account.other else 0o700)
            found = self.data.stat()
            names = {entry.name for entry in self.data.iterdir()}
        except OSError as refused:
            raise LedgerError(f"cannot use {self.data}: {refused.strerror}", hint="name a folder of your own") from None
        if found.st_uid not in {os.geteuid(), account.uid} or found.st_mode & stat.S_IWOTH:
            raise Conflict(f"{self.data} belongs to, or can be changed by, another account", hint="use another folder")
        if names and "server.lock" not in names:
            raise Conflict(f"{self.data} is not empty and holds no embedded server", hint="name an empty or new folder")
        if not account.can_enter(self.data):
            for folder in missing:
                folder.rmdir()
            raise LedgerError(
                f"PostgreSQL runs as {account.name} here, which cannot enter {self.data}",
                hint="name a folder that every account can reach, as in --data /var/lib/jobledger/pg",
            )

    def _create_cluster(self, binaries: Path, account: Account) -> None:
        """Run ``initdb`` beside the final place and move the result there, so that a cluster is whole or absent."""
        fresh = self.data / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        account.make_private(fresh)
        command: list[str | Path] = [binaries / "initdb", "--pgdata", fresh, "--username=postgres", "--auth=trust"]
        # The built-in provider has C.UTF-8 on every system, whatever locales are installed.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        running = self.data / "initdb.pid"
        code, output = account.finish([*command, *locale, "--no-instructions"], cwd=self.data, pid_file=running)
        running.unlink()
        if code != 0:
            raise LedgerError(f"a PostgreSQL cluster could not be created in {self.data}: {_tail(output)}")
        fresh.rename(self.cluster)

    def _launch(self, binaries: Path, account: Account, settings: Mapping[str, str], port: int | None) -> None:
        options = {
            "listen_addresses": "" if port is None else "127.0.0.1",
            "port": str(5432 if port is None else port or _free_port()),
            "unix_socket_directories": '"{}"'.format(str(self.sockets).replace('"', '""')),
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **settings,
        }
        command: list[str | Path] = [binaries / "postgres", "-D", self.cluster]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.log.touch(mode=0o600)
        with self.log.open("ab") as log:
            begin = log.tell()
            process = account.spawn(command, cwd=self.data, output=log.fileno())
        try:
            deadline = time.monotonic() + _READY_WITHIN_S
            while process.poll() is None and time.monotonic() < deadline:
                server = Postmaster.read(self.cluster)
                if server is not None and server.pid == process.pid and server.status == "ready":
                    process.returncode = 0  # the server outlives this object; halt() reaps it by its number
                    return
                time.sleep(POLL_S)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGQUIT)
                process.wait()
        with self.log.open("rb") as log:
            log.seek(begin)
            said = log.read().decode(errors="replace")
        raise _StartFailed(f"the embedded PostgreSQL in {self.data} did not start: {_tail(said)}", said)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(text: str, lines: int = 5) -> str:
    """The last lines, as one line."""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "it said nothing"
