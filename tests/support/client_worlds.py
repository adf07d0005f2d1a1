"""Servers of every kind, as a test of the port ``Server`` needs them: sessions, and a hand on their ledger."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import ClassVar, Protocol

import psycopg
from databases import Database

from ledger.memory.ledger import MemoryLedger
from ledger.memory.server import MemoryServer
from ledger.model.protocol import NEWEST_PROTOCOL, OLDEST_PROTOCOL, Versions
from ledger.ports.server import Server
from ledger.postgres.database import connect
from ledger.servers import open_server


class ClientWorld(Protocol):
    """A ledger that clients come to."""

    def server(self, login: str = "app_alice") -> Server:
        """A session that wants to hear of news."""

    def order(self) -> None:
        """Put all that has arrived in order."""

    def begin_epoch(self) -> None:
        """As after a restore."""

    def delegate(self, login: str, owner: str) -> None:
        """Let a login act on behalf of an owner."""

    def limit(self, **limits: int) -> None:
        """Change how much clients may send."""

    def speak(self, oldest: int, newest: int) -> None:
        """Speak these versions of the client protocol from now on."""


class PostgresClients:
    ENSURE_EPOCH: ClassVar = "ensure_epoch"
    BEGIN_EPOCH: ClassVar = "begin_epoch"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = database.connect()
        self._call(self.ENSURE_EPOCH)
        self._speaks_otherwise = False

    def server(self, login: str = "app_alice") -> Server:
        return open_server(self._database.dsn_as(login), True)

    def order(self) -> None:
        self._call(self.ENSURE_EPOCH)
        passes = "select sequenced from ledger.sequence(10000)"
        while any(row["sequenced"] for row in self._owner.execute(passes).fetchall()):
            pass

    def begin_epoch(self) -> None:
        self._call(self.BEGIN_EPOCH, "as the test wants it")

    def _call(self, name: str, *arguments: str) -> None:
        given = psycopg.sql.SQL(", ").join(psycopg.sql.Literal(argument) for argument in arguments)
        self._owner.execute(psycopg.sql.SQL("select ledger.{}({})").format(psycopg.sql.Identifier(name), given))

    def delegate(self, login: str, owner: str) -> None:
        self._owner.execute("select ledger.delegate(%(login)s, %(owner)s, true)", {"login": login, "owner": owner})

    def limit(self, **limits: int) -> None:
        for name, value in limits.items():
            self._owner.execute(
                psycopg.sql.SQL("update ledger.limits set {} = {}").format(psycopg.sql.Identifier(name), value)
            )

    def speak(self, oldest: int, newest: int) -> None:
        if self._speaks_otherwise:
            self._owner.execute("drop function ledger.hello(json, text)")
            self._owner.execute("alter function ledger.hello_as_installed rename to hello")
        self._speaks_otherwise = (oldest, newest) != (OLDEST_PROTOCOL, NEWEST_PROTOCOL)
        if self._speaks_otherwise:
            answer = json.dumps({"protocol": {"oldest": oldest, "newest": newest, "spoken": None}})
            self._owner.execute("alter function ledger.hello rename to hello_as_installed")
            self._owner.execute(
                psycopg.sql.SQL(
                    "create function ledger.hello(client json default '{{}}', on_behalf_of text default null)"
                    " returns json language sql as $$ select {}::json $$"
                ).format(answer)
            )


class FirstPostgresClients(PostgresClients):
    """Version 1 of the schema, which has no ``ledger.hello``, in a database without a ledger."""

    ENSURE_EPOCH: ClassVar = "ensure_life"
    BEGIN_EPOCH: ClassVar = "begin_life"

    def __init__(self, database: Database, schema: str) -> None:
        with closing(connect(database.dsn)) as owner:
            owner.execute(schema.encode())
        super().__init__(database)


class MemoryClients:
    def __init__(self) -> None:
        self.ledger = MemoryLedger(lambda: datetime.now(UTC))

    def server(self, login: str = "app_alice") -> Server:
        return MemoryServer(self.ledger, login)

    def order(self) -> None:
        with self.ledger.lock:
            while self.ledger.order():
                pass

    def begin_epoch(self) -> None:
        with self.ledger.lock:
            self.ledger.begin_epoch()

    def delegate(self, login: str, owner: str) -> None:
        self.ledger.clients.delegations.add((login, owner))

    def limit(self, **limits: int) -> None:
        for name, value in limits.items():
            setattr(self.ledger.clients.limits, name, value)

    def speak(self, oldest: int, newest: int) -> None:
        self.ledger.clients.protocol = Versions(oldest=oldest, newest=newest)
