"""Connection poolers in transaction mode: pgbouncer itself where it is installed, and a small one that always is.

Ours does what matters to us: it logs in for itself, lends a session for one transaction, the last one given back
first, resets nothing in between, and lets no notification through.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from secrets import token_bytes
from typing import Final, Self

import psycopg
from databases import LOGINS, PASSWORD
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from waiting import until

from jobledger.embedded.account import Account

PGBOUNCER: Final = os.environ.get("JOBLEDGER_TEST_PGBOUNCER") or shutil.which("pgbouncer")
SESSIONS: Final = 2
_NO_ENCRYPTION_HERE: Final = (80877103, 80877104)  # SSLRequest and GSSENCRequest
_CANCEL: Final = 80877102
_TOLD: Final = ("server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes")


class Closed(Exception):
    """The other side hung up."""


class TransactionPooler:
    """Lends ``SESSIONS`` sessions of each login to any number of connections, for a transaction at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: dict[str, list[socket.socket]] = {}
        self._change = threading.Condition()
        self._parameters: dict[str, str] = {}
        self._clients: set[socket.socket] = set()
        self._opened = ExitStack()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn: Final = make_conninfo(dsn, host="127.0.0.1", port=self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in list(self._clients):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._opened.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # callables all
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed: the end
            while True:
                client, _ = self._listener.accept()
                self._clients.add(client)
                self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(Closed, OSError):
            login = self._greet(client)
            while True:
                self._lend(client, login)
        self._clients.discard(client)

    def _greet(self, client: socket.socket) -> str:
        """Let a login in without a password, as auth_type trust does, with the parameters of a real session."""
        while True:
            (length,) = struct.unpack("!i", _read(client, 4))
            code, text = struct.unpack(f"!i{length - 8}s", _read(client, length - 4))
            if code == _CANCEL:
                raise Closed
            if code not in _NO_ENCRYPTION_HERE:
                break
            client.sendall(b"N")
        words = bytes(text).decode().split("\0")
        login = words[words.index("user") + 1]
        with self._change:
            if login not in self._idle:
                self._idle[login] = [self._log_in(login) for _ in range(SESSIONS)]
        statuses = b"".join(_message(b"S", f"{name}\0{value}\0".encode()) for name, value in self._parameters.items())
        client.sendall(_message(b"R", bytes(4)) + statuses + _message(b"K", token_bytes(8)) + _message(b"Z", b"I"))
        return login

    def _log_in(self, login: str) -> socket.socket:
        """A session whose protocol we speak from here on. libpq has done the login."""
        connection = psycopg.connect(self._dsn, user=login, password=PASSWORD, sslmode="disable", gssencmode="disable")
        self._opened.enter_context(closing(connection))
        for name in _TOLD:
            self._parameters[name] = (connection.pgconn.parameter_status(name.encode()) or b"").decode()
        session = socket.socket(fileno=os.dup(connection.pgconn.socket))
        session.setblocking(True)
        return self._opened.enter_context(session)

    def _lend(self, client: socket.socket, login: str) -> None:
        """One transaction of the client, in whichever session was given back last."""
        kind, body = _receive(client)
        if kind == b"X":
            raise Closed
        with self._change:
            self._change.wait_for(lambda: self._idle[login])
            session = self._idle[login].pop()
        state = b"T"
        while state != b"I":
            session.sendall(_message(kind, body))
            if kind in (b"Q", b"S"):
                state = self._answer(session, client)
            if state != b"I":
                kind, body = _receive(client)
        with self._change:
            self._idle[login].append(session)
            self._change.notify()

    def _answer(self, session: socket.socket, client: socket.socket) -> bytes:
        """Pass on what the session answers. Gives the state that its transaction is in afterwards."""
        while True:
            kind, body = _receive(session)
            if kind != b"A":
                client.sendall(_message(kind, body))
            if kind == b"Z":
                return body


def _read(source: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        if not (chunk := source.recv(length - len(found))):
            raise Closed
        found += chunk
    return bytes(found)


def _receive(source: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", _read(source, 5))
    return kind, _read(source, length - 4)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@contextmanager
def pgbouncer(dsn: str) -> Iterator[str]:
    """The real one, between here and the server of ``dsn``; the DSN to go through it."""
    assert PGBOUNCER is not None
    server = conninfo_to_dict(dsn)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    account = Account.find()
    with tempfile.TemporaryDirectory() as folder:
        users, settings = Path(folder, "users.txt"), Path(folder, "pgbouncer.ini")
        users.write_text("".join(f'"{login}" "{PASSWORD}"\n' for login in LOGINS))
        settings.write_text(
            f"[databases]\n* = host={server['host']} port={server['port']}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
        )
        for path in (users, settings):
            path.chmod(0o644)
        Path(folder).chmod(0o755)
        as_account = ["--user", account.name] if account.other else []
        process = subprocess.Popen(
            [PGBOUNCER, "--quiet", *as_account, settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: _accepts(port), "pgbouncer")
            yield make_conninfo(dsn, host="127.0.0.1", port=port)
        finally:
            process.terminate()
            process.wait()


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
