"""One exchange with the server: push until nothing is left to send, then pull until nothing is left to read.

Everything here can be cut off at any point. What the server has committed and we have not noted is sent again, and
counts once; a page that was read and not stored is read again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from client_sync.file.lock import sync_lock
from client_sync.file.recent import Recent
from client_sync.file.replica import Replica
from client_sync.file.submission import format_time
from client_sync.sync import inbox, outbox, plan
from client_sync.sync.plan import Acknowledge, BeginLife, Disbelieve, MintReplica, Pause, Position, Rewind, StorePage
from client_sync.sync.server import BadAnswer, Page, ask_for_page, say_hello, send
from ledger.errors import Conflict, LedgerError, LoginRefused, NotALedger, ServerUnreachable, one_line
from ledger.model.ids import new_id

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import DictRow

ATTEMPTS: Final = 3
LOCK_TIMEOUT_S: Final = 30.0
SYNC_NOTED_EVERY: Final = timedelta(minutes=1)
MOST_TURNS: Final = 8
"""How often one exchange may find that it has to begin anew (another name, a restored server, a new life). Each happens
once or twice where it happens; a server that goes on like that is not believed."""


class SyncRefused(Conflict):
    """The server turns this file away as a whole. Everything is kept, and nothing is sent until a person has looked.

    ``code`` is one of ``ledger.model.protocol.RefusalCode``: ``not_yours`` for another owner's file,
    ``not_allowed`` for a role without the rights of a client, ...
    """

    def __init__(self, code: str, detail: str, *, hint: str) -> None:
        self.code = code
        super().__init__(f"the server refuses this file: {detail}", hint=hint)


_HINTS: Final = {
    "not_yours": "sync with the login that this file belongs to, or on its behalf; or use a file for each login",
    "not_allowed": "see jobledger grant client --help",
}


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What an exchange did, in numbers of events.

    ``pushed`` counts what the server has taken, ``refused`` what it did not take (see ``JobClient.refusals``),
    ``pulled`` what was new to this file, ``confirmed`` what it had and the server has put in order (not compared: that
    is no news of its own). ``forked``: the file turned out to be a copy and has a new replica id.
    ``rewound``: the server was restored, and was sent again what it had lost. ``new_epoch``: its numbers began anew.
    """

    pushed: int = 0
    refused: int = 0
    pulled: int = 0
    forked: bool = False
    rewound: bool = False
    new_epoch: bool = False
    confirmed: int = field(default=0, compare=False)


Report: TypeAlias = Callable[[SyncResult], None]


def sync_now(
    replica: Replica,
    dsn: str,
    *,
    on_behalf_of: str | None = None,
    again: bool = False,
    report: Report | None = None,
    attempts: int | None = ATTEMPTS,
) -> SyncResult:
    """Connect, exchange everything, disconnect; a few times where the connection is the trouble.

    ``on_behalf_of``: whose file this is, where that is not the login itself. With ``again``, the log is read from
    its start.

    Raises ServerUnreachable (LoginRefused where the server said no), SyncRefused, BadAnswer, SyncBusy or NotALedger.
    What was exchanged until then stays.
    """
    from tenacity import retry_if_exception

    from client_sync.sync.session import open_session
    from ledger.postgres.database import is_transient, retrying
    from ledger.postgres.session import settle

    exchange = Exchange(replica, report, on_behalf_of=on_behalf_of, again=again)
    # a wrong password is not tried again: some servers count
    patient = retrying(attempts=attempts).copy(
        retry=retry_if_exception(lambda error: is_transient(error) and not isinstance(error, LoginRefused))
    )
    with sync_lock(replica.path, timeout=LOCK_TIMEOUT_S):
        try:
            for attempt in patient:
                with attempt, replica.translating(), translating(), closing(open_session(dsn)) as connection:
                    settle(connection)
                    exchange.run(connection)
        except LedgerError as error:
            note_failure(replica, error)
            raise
    return exchange.result


class Exchange:
    """One exchange, with as many connections as it takes. ``result`` grows as it goes. Needs the sync lock.

    Once ``stopped`` says so, no further batch is sent and no further page read.
    """

    def __init__(
        self,
        replica: Replica,
        report: Report | None = None,
        *,
        on_behalf_of: str | None = None,
        again: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.result = SyncResult()
        self._on_behalf_of = on_behalf_of
        self._again = again
        self._replica = replica
        self._report = report
        self._stopped = stopped
        self._recent = Recent()
        self._turns = 0

    def run(self, connection: Connection[DictRow]) -> None:
        """Push, then pull, then push once more if the server turns out to have begun a new life."""
        self._identify(connection)
        if self._position().epoch is None:
            self._read_page(connection, 1)  # in which life the first events are acknowledged has to be known before
        self._push(connection)
        if self._again:
            inbox.read_again(self._replica)
            self._again = False
        self._pull(connection)
        self._push(connection)
        if not self._stopped():
            self._note_success()

    def _identify(self, connection: Connection[DictRow]) -> None:
        login, limits = say_hello(connection)
        owner = self._on_behalf_of or login
        position = self._position()
        pause = plan.check_owner(position, owner)
        if pause is not None:
            raise _refused(pause)
        if position.owner is None:
            if self._on_behalf_of is not None:
                ask_for_page(
                    connection, position, 1, self._on_behalf_of
                )  # the file is not this owner's before the server agrees
            outbox.learn_owner(self._replica, owner)
        outbox.learn_limits(self._replica, limits)

    def _push(self, connection: Connection[DictRow]) -> None:
        while not self._stopped():
            position = self._position()
            local = self._replica.connection()
            if not plan.push_is_due(position, outbox.last_local_seq(local)):
                return
            batch = outbox.read_batch(local, position.acked_seq)
            reply, skew_ms = send(connection, position, batch, self._on_behalf_of)
            self._carry_out(position, batch, plan.after_push(position, batch.numbers, reply), skew_ms)

    def _carry_out(self, position: Position, batch: outbox.Batch, decision: plan.AfterPush, skew_ms: int) -> None:
        match decision:
            case Acknowledge():
                taken = len(batch) - len(decision.refused)
                refused = outbox.acknowledge(self._replica, position, decision, skew_ms, batch.unsendable)
                self._tell(pushed=self.result.pushed + taken, refused=self.result.refused + refused)
            case MintReplica():
                self._turn()
                outbox.mint_replica(self._replica, position, decision, new_id())
                self._tell(forked=True)
            case Rewind():
                self._turn()
                outbox.rewind(self._replica, position, decision)
                self._tell(rewound=True)
            case Pause():
                raise _refused(decision)
            case Disbelieve():
                raise BadAnswer(decision.detail)

    def _pull(self, connection: Connection[DictRow]) -> None:
        size, more = plan.FIRST_PAGE, True
        while more and not self._stopped():
            more, page_bytes = self._read_page(connection, size)
            size = plan.next_page_size(size, page_bytes)

    def _read_page(self, connection: Connection[DictRow], size: int) -> tuple[bool, int]:
        """Whether there is more to read, and how large the page was."""
        position = self._position()
        asked = size if position.epoch else 1  # the first answer of a new server only tells its epoch
        page = ask_for_page(connection, position, asked, self._on_behalf_of)
        decision = plan.after_pull(position, page.upto_seq, page.epoch, asked if page.is_cut else len(page), asked)
        match decision:
            case BeginLife():
                self._turn()
                inbox.begin_life(self._replica, position, decision)
                if position.epoch is not None:
                    self._tell(new_epoch=True)
                return True, 0
            case StorePage():
                # a page of other owners' events only moves the cursor: not worth a sync of the disk
                if len(page) or not position.settled:
                    added = self._store(page, position, decision)
                    confirmed = self.result.confirmed + len(page) - added
                    self._tell(pulled=self.result.pulled + added, confirmed=confirmed)
                return decision.more, page.bytes_read

    def _store(self, page: Page, position: Position, decision: StorePage) -> int:
        try:
            return inbox.store_page(self._replica, page.events(position.owner), decision, self._recent)
        except sqlite3.IntegrityError as error:
            raise BadAnswer(f"the file does not take it: {error}") from error

    def _turn(self) -> None:
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise BadAnswer(f"the exchange had to begin anew more than {MOST_TURNS} times")

    def _note_success(self) -> None:
        ((last_sync_at, last_error),) = self._replica.connection().execute(
            "select last_sync_at, last_error from replica"
        )
        now = datetime.now(UTC)
        noted = last_sync_at is not None and now - datetime.fromisoformat(last_sync_at) < SYNC_NOTED_EVERY
        if noted and last_error is None:
            return  # an idle poll writes nothing: a write costs a sync of the disk
        with self._replica.transaction() as connection:
            connection.execute("update replica set last_sync_at = :now, last_error = null", {"now": format_time(now)})

    def _position(self) -> Position:
        return outbox.read_position(self._replica.connection())

    def _tell(self, **changes: Any) -> None:
        self.result = replace(self.result, **changes)
        if self._report:
            self._report(self.result)


def note_failure(replica: Replica, error: LedgerError) -> None:
    """Keep why the file could not be synced, for whoever looks at it offline."""
    # the file may be what the trouble is about: then whoever hears of the error itself has to do
    with suppress(LedgerError, sqlite3.Error), replica.transaction() as connection:
        connection.execute("update replica set last_error = :error", {"error": str(error)})


@contextmanager
def translating() -> Iterator[None]:
    """Say what Postgres means by an error, where no retry will help. Connection trouble passes, for the retries."""
    import psycopg

    from ledger.postgres.database import is_transient

    try:
        yield
    except psycopg.Error as error:
        if is_transient(error):
            raise ServerUnreachable(
                f"the connection to Postgres broke: {one_line(error)}", hint="nothing is lost; sync again"
            ) from error
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise _refused(Pause("not_allowed", one_line(error))) from error
        if isinstance(error, psycopg.errors.UndefinedFunction | psycopg.errors.UndefinedTable):
            raise NotALedger("this database has no job ledger", hint="install it: jobledger init") from error
        raise LedgerError(f"Postgres answered: {one_line(error)}", hint="nothing is lost; sync again later") from error


def _refused(pause: Pause) -> SyncRefused:
    return SyncRefused(pause.code, pause.detail, hint=_HINTS.get(pause.code, "everything is kept; upgrade jobledger"))
