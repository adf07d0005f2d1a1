"""A TCP proxy on loopback between client and server that holds back what the server says, from a chosen moment on."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class StallingProxy:
    """Passes everything on, until ``hold``. ``dsn`` leads through it. ``held``: something was held back."""

    def __init__(self, dsn: str) -> None:
        server = conninfo_to_dict(dsn)
        self._host, self._port = str(server["host"]), server["port"]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._passing = 0
        self.held = threading.Event()
        self.dsn: Final = make_conninfo(
            dsn, host="127.0.0.1", port=self._listener.getsockname()[1], sslmode="disable", gssencmode="disable"
        )

    def hold(self, after: int = 0) -> None:
        """Let nothing of what the server says pass from now on, or ``after`` so many answers more."""
        self._passing = after
        self._open.clear()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        for end in (self._listener, *self._sockets):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in (self._listener, *self._sockets):
            end.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]  # callables all
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed: the end
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                server = self._connect()
                self._sockets.append(server)
                self._start(self._pass, client, server, False)
                self._start(self._pass, server, client, True)

    def _connect(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, int(self._port or 5432)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._host}/.s.PGSQL.{self._port}")
        return server

    def _pass(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(65_536):
                if answers and not self._open.is_set():
                    self._passing -= 1
                    if self._passing < 0:
                        self.held.set()
                        self._open.wait()
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)
