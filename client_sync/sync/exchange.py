"""One exchange with the server: push until nothing is left to send, then pull until nothing is left to read.

Everything here can be cut off at any point. What the server has committed and we have not noted is sent again, and
counts once; a page that was read and not stored is read again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from client_sync.file.lock import sync_lock
from client_sync.file.recent import Recent
from client_sync.file.replica import Replica
from client_sync.file.values import format_time
from client_sync.sync import inbox, outbox, plan
from client_sync.sync.answers import CheckedPage, check_limits, check_owner, check_protocol
from client_sync.sync.plan import Acknowledge, BeginEpoch, Disbelieve, MintReplica, Pause, Position, Rewind, StorePage
from client_sync.sync.result import SyncReport, SyncResult
from ledger.errors import BadAnswer, LedgerError, LoginRefused, ServerUnreachable, SyncRefused
from ledger.model.ids import new_id
from ledger.model.protocol import Accepted
from ledger.ports.server import OpenServer, Server, never
from ledger.retrying import retrying_if

ATTEMPTS: Final = 3
LOCK_TIMEOUT_S: Final = 30.0
SYNC_NOTED_EVERY: Final = timedelta(minutes=1)
MOST_RESTARTS: Final = 8
"""How often one exchange may find that it has to begin anew (another name, a restored server, a new epoch). Each
happens once or twice where it happens; a server that goes on like that is not believed."""


def sync_now(
    replica: Replica,
    open_server: OpenServer,
    *,
    on_behalf_of: str | None = None,
    again: bool = False,
    report: SyncReport | None = None,
    attempts: int | None = ATTEMPTS,
) -> SyncResult:
    """Connect, exchange everything, disconnect; a few times where the connection is the trouble.

    ``on_behalf_of``: whose file this is, where that is not the login itself. With ``again``, the log is read from
    its start.

    Raises ServerUnreachable (LoginRefused where the server said no), SyncRefused, ProtocolMismatch, BadAnswer,
    SyncBusy or NotALedger. What was exchanged until then stays.
    """
    exchange = Exchange(replica, report, on_behalf_of=on_behalf_of, again=again)
    with sync_lock(replica.path, timeout=LOCK_TIMEOUT_S):
        try:
            for attempt in retrying_if(_may_pass, attempts=attempts):
                with attempt, replica.translating(), closing(open_server(False, never)) as server:
                    exchange.run(server)
        except LedgerError as error:
            note_failure(replica, error)
            raise
    return exchange.result


def _may_pass(error: BaseException) -> bool:
    # a wrong password is not tried again: some servers count
    return isinstance(error, ServerUnreachable) and not isinstance(error, LoginRefused)


class Exchange:
    """One exchange, with as many connections as it takes. ``result`` grows as it goes. Needs the sync lock.

    Once ``stopped`` says so, no further batch is sent and no further page read.
    """

    def __init__(
        self,
        replica: Replica,
        report: SyncReport | None = None,
        *,
        on_behalf_of: str | None = None,
        again: bool = False,
        stopped: Callable[[], bool] = never,
    ) -> None:
        self.result = SyncResult()
        self._on_behalf_of = on_behalf_of
        self._again = again
        self._replica = replica
        self._report = report
        self._stopped = stopped
        self._recent = Recent()
        self._restarts = 0

    def run(self, server: Server) -> None:
        """Push, then pull, then push once more if the server turns out to have begun a new epoch."""
        self._identify(server)
        self._push(server)
        if self._again:
            inbox.read_again(self._replica)
            self._again = False
        self._pull(server)
        self._push(server)
        if not self._stopped():
            self._note_success()

    def _identify(self, server: Server) -> None:
        """Learn whose file this is, what the server takes, and in which epoch it is."""
        hello = check_protocol(server.hello(self._on_behalf_of))
        limits = check_limits(hello)
        position = self._position()
        pause = plan.check_owner(position, self._on_behalf_of or hello.login)
        if pause is not None:
            raise _refused(pause)
        check_owner(hello, self._on_behalf_of)
        if position.owner is None:
            outbox.learn_owner(self._replica, self._on_behalf_of or hello.login)
        outbox.learn_limits(self._replica, limits)
        if position.epoch is None:  # the first events are acknowledged in an epoch that is known
            if hello.epoch is None:
                self._read_page(server, 1)
            else:
                inbox.begin_epoch(self._replica, position, BeginEpoch(hello.epoch))

    def _push(self, server: Server) -> None:
        while not self._stopped():
            position = self._position()
            local = self._replica.connection()
            if not plan.push_is_due(position, outbox.last_local_seq(local)):
                return
            batch = outbox.read_batch(local, position.acked_seq)
            before = time.time()
            reply = server.push(position.replica_id, position.base_seq, batch.events, self._on_behalf_of)
            after = time.time()
            # the server's clock was read somewhere between: the middle is wrong by half the way at most
            skew_s = reply.time.timestamp() - (before + after) / 2 if isinstance(reply, Accepted) else 0
            self._carry_out(position, batch, plan.after_push(position, batch.numbers, reply), round(skew_s * 1000))

    def _carry_out(self, position: Position, batch: outbox.Batch, decision: plan.AfterPush, skew_ms: int) -> None:
        match decision:
            case Acknowledge():
                taken = len(batch) - len(decision.refused)
                refused = outbox.acknowledge(self._replica, position, decision, skew_ms, batch.unsendable)
                self._count(pushed=self.result.pushed + taken, refused=self.result.refused + refused)
            case MintReplica():
                self._begin_anew()
                outbox.mint_replica(self._replica, position, decision, new_id())
                self._count(forked=True)
            case Rewind():
                self._begin_anew()
                outbox.rewind(self._replica, position, decision)
                self._count(rewound=True)
            case Pause():
                raise _refused(decision)
            case Disbelieve():
                raise BadAnswer(decision.detail)

    def _pull(self, server: Server) -> None:
        size, more = plan.FIRST_PAGE, True
        while more and not self._stopped():
            more, page_bytes = self._read_page(server, size)
            size = plan.next_page_size(size, page_bytes)

    def _read_page(self, server: Server, size: int) -> tuple[bool, int]:
        """Whether there is more to read, and how large the page was."""
        position = self._position()
        asked = size if position.epoch else 1  # the first page of a server that says no epoch only tells this
        given = server.pull(position.pulled_seq, position.epoch, asked, plan.MAX_PULL_BYTES, self._on_behalf_of)
        page = CheckedPage(given, position, asked)
        decision = plan.after_pull(position, page.upto_seq, page.epoch, asked if page.is_cut else len(page), asked)
        match decision:
            case BeginEpoch():
                self._begin_anew()
                inbox.begin_epoch(self._replica, position, decision)
                if position.epoch is not None:
                    self._count(new_epoch=True)
                return True, 0
            case StorePage():
                # a page of other owners' events only moves the cursor: not worth a sync of the disk
                if len(page) or not position.settled:
                    added = self._store(page, position, decision)
                    confirmed = self.result.confirmed + len(page) - added
                    self._count(pulled=self.result.pulled + added, confirmed=confirmed)
                return decision.more, page.bytes_read

    def _store(self, page: CheckedPage, position: Position, decision: StorePage) -> int:
        try:
            return inbox.store_page(self._replica, page.events(position.owner), decision, self._recent)
        except sqlite3.IntegrityError as error:
            raise BadAnswer(f"the file does not take it: {error}") from error

    def _begin_anew(self) -> None:
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise BadAnswer(f"the exchange had to begin anew more than {MOST_RESTARTS} times")

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

    def _count(self, **changes: Any) -> None:
        self.result = replace(self.result, **changes)
        if self._report:
            self._report(self.result)


def note_failure(replica: Replica, error: LedgerError) -> None:
    """Keep why the file could not be synced, for whoever looks at it offline."""
    # the file may be what the trouble is about: then whoever hears of the error itself has to do
    with suppress(LedgerError, sqlite3.Error), replica.transaction() as connection:
        connection.execute("update replica set last_error = :error", {"error": str(error)})


def _refused(pause: Pause) -> SyncRefused:
    return SyncRefused(pause.code, pause.detail)
