"""The port ``Server`` on a ledger in memory: what the doors for clients in schema.sql do, event by event."""

from __future__ import annotations

import json
import selectors
import socket
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from ledger.errors import ServerUnreachable, SyncRefused
from ledger.memory.clients import Replica
from ledger.memory.judging import Verdict, judge, read_time, read_uuid
from ledger.memory.ledger import MemoryLedger, StoredEvent
from ledger.model.protocol import (
    Accepted,
    Behind,
    Forked,
    Hello,
    HelloReply,
    OtherProtocol,
    PushReply,
    Refused,
    RefusedEvent,
)
from ledger.ports.server import EventColumns, EventRow, Page, Wakeable


class MemoryServer:
    """One client's session with a ledger in memory, as ``login``."""

    def __init__(self, ledger: MemoryLedger, login: str) -> None:
        self.announces = True
        self._ledger = ledger
        self._clients = ledger.clients
        self._login = login
        self._ended = False
        self._news_out, self._news_in = socket.socketpair()
        self._news_out.setblocking(False)
        self._news_in.setblocking(False)
        with ledger.lock:
            ledger.readers.append(self._announce)

    def hello(self, on_behalf_of: str | None = None) -> HelloReply:
        self._insist()
        ledger, clients = self._ledger, self._clients
        with ledger.lock:
            if not clients.protocol.fits:
                return OtherProtocol(protocol=clients.protocol)
            return Hello(
                protocol=clients.protocol,
                login=self._login,
                owner=clients.owner_for(self._login, on_behalf_of),
                limits=clients.limits.as_dict(),
                epoch=ledger.epoch,
                time=ledger.now(),
            )

    def push(self, replica_id: UUID, base_seq: int, events: EventColumns, on_behalf_of: str | None = None) -> PushReply:
        self._insist()
        with self._ledger.lock:
            owner = self._clients.owner_for(self._login, on_behalf_of)
            if owner is None:
                return Refused(code="not_allowed", detail="this login may not act on behalf of that owner")
            if base_seq < 0:
                return Refused(code="invalid", detail="a push names its replica, and a base of 0 or more")
            if self._is_too_large(events):
                most = self._clients.limits
                detail = f"a push carries at most {most.max_batch_events} events and {most.max_batch_bytes} bytes"
                return Refused(code="too_large", detail=detail)
            fresh = Replica(owner, 0, self._ledger.epoch_number)
            replica = self._clients.replicas.setdefault(replica_id, fresh)
            if replica.owner != owner:
                return Refused(code="not_yours", detail="this replica belongs to someone else")
            if base_seq > replica.head:
                about = {"head": replica.head, "client_had": base_seq}
                self._note("replica.rewound", replica_id, replica, replica.head, about)
                return Behind(head=replica.head)
            return self._take(replica_id, replica, base_seq, events)

    def pull(
        self, after_seq: int, epoch: UUID | None, max_events: int, max_bytes: int, on_behalf_of: str | None = None
    ) -> Page:
        self._insist()
        self._take_in()  # what was announced until now is in this page, or in those that follow it
        ledger = self._ledger
        with ledger.lock:
            owner = self._clients.owner_for(self._login, on_behalf_of)
            if owner is None:
                raise SyncRefused("not_allowed", "this login may not act on behalf of that owner")
            if epoch not in (None, ledger.epoch):
                return Page(after_seq, ledger.epoch, 0, False, ())
            rows: list[EventRow] = []
            size = 0
            for seq in range(after_seq + 1, len(ledger.log) + 1):
                event = ledger.log[seq - 1]
                if event.owner != owner:
                    continue
                if len(rows) == max_events or (rows and size >= max_bytes):
                    break
                rows.append(_row(seq, event))
                size += len(event.data.encode())
            else:
                # all was read: as far as the log goes, unless the page is full
                full = len(rows) == max_events
                upto = rows[-1].seq if full and rows else max(len(ledger.log), after_seq)
                return Page(upto or 0, ledger.epoch, len(rows), False, rows)
            return Page(rows[-1].seq or 0, ledger.epoch, len(rows), len(rows) < max_events, rows)

    def wait_for_news(self, timeout_s: float, wake: Wakeable) -> bool:
        self._insist()
        with selectors.DefaultSelector() as selector:
            selector.register(wake.fileno(), selectors.EVENT_READ)
            selector.register(self._news_out, selectors.EVENT_READ)
            selector.select(timeout_s)
        self._insist()
        return self._take_in()

    def cut(self) -> None:
        self._ended = True
        self._announce()

    def close(self) -> None:
        self._ended = True
        with self._ledger.lock, suppress(ValueError):
            self._ledger.readers.remove(self._announce)
        self._news_out.close()
        self._news_in.close()

    def _insist(self) -> None:
        if self._ended:
            raise ServerUnreachable("the session with the ledger in memory has ended", hint="nothing is lost")

    def _announce(self) -> None:
        # a full socket has said so already; a closed one has no reader any more
        with suppress(OSError):
            self._news_in.send(b".")

    def _take_in(self) -> bool:
        try:
            return bool(self._news_out.recv(4096))
        except BlockingIOError:
            return False

    def _is_too_large(self, events: EventColumns) -> bool:
        limits = self._clients.limits
        texts = (events.ids, events.job_ids, events.types, events.occurred_at, events.correlation_ids)
        data = sum(len(text.encode()) for text in events.data if text)
        rest = sum(len(text or "") for column in (*texts, events.causation_ids) for text in column)
        most = limits.max_batch_bytes
        return len(events.ids) > limits.max_batch_events or (len(events.ids) > 1 and data > most) or rest > most

    def _take(self, replica_id: UUID, replica: Replica, base_seq: int, events: EventColumns) -> PushReply:
        count = len(events.ids)
        known = min(replica.head - base_seq, count)
        for number, event_id in enumerate(events.ids[:known], start=base_seq + 1):
            if not self._had(replica_id, number, event_id, replica.owner):
                self._note("replica.forked", replica_id, replica, number, {"at": number, "head": replica.head})
                return Forked(at=number, head=replica.head)
        for n in range(known, count):
            self._admit(replica_id, replica.owner, base_seq + n + 1, events, n)
        if count > known:
            replica.head, replica.epoch_number = base_seq + count, self._ledger.epoch_number
        refused = self._clients.refused(replica_id, base_seq, base_seq + count)
        return Accepted(head=replica.head, time=self._ledger.now(), refused=refused)

    def _had(self, replica_id: UUID, number: int, event_id: str, owner: str) -> bool:
        uuid = read_uuid(event_id)
        event = None if uuid is None else self._ledger.events.get(str(uuid))
        if event is not None and event.owner == owner:
            return True
        refusal = self._clients.refusals.get((replica_id, number))
        return refusal is not None and refusal.event_id == event_id

    def _admit(self, replica_id: UUID, owner: str, number: int, events: EventColumns, n: int) -> None:
        event_id, job_id = read_uuid(events.ids[n]), read_uuid(events.job_ids[n])
        occurred_at = read_time(events.occurred_at[n])
        verdict: Verdict | None
        if event_id is None or job_id is None:
            verdict = "invalid", "id and job_id must be UUIDs"
        elif occurred_at is None:
            verdict = "invalid", "occurred_at must be an RFC 3339 time with an offset"
        else:
            known = self._ledger.events.get(str(event_id))
            content = owner, str(job_id), events.types[n], events.data[n]
            if known is not None:
                same = (known.owner, known.job_id, known.type, known.data) == content
                verdict = None if same else ("id_conflict", "another event has this id")
            else:
                verdict = self._judge(owner, job_id, events, n)
                if verdict is None:
                    now = _text(self._ledger.now())
                    self._ledger.append(
                        StoredEvent(
                            str(event_id), str(job_id), events.types[n], events.versions[n], owner, self._login,
                            _text(occurred_at), now, events.data[n] or "", str(replica_id), number,
                            _id(events.correlation_ids[n]), _id(events.causation_ids[n]),
                        )
                    )  # fmt: skip
        if verdict is not None:
            code, detail = verdict
            self._clients.refusals[replica_id, number] = RefusedEvent(
                seq=number, event_id=events.ids[n], job_id=events.job_ids[n], code=code, detail=detail
            )

    def _judge(self, owner: str, job_id: UUID, events: EventColumns, n: int) -> Verdict | None:
        ledger, kind = self._ledger, events.types[n]
        if verdict := judge(kind, events.versions[n], events.data[n], self._clients.limits, ledger.now()):
            return verdict
        requested = ledger.requests.get(job_id)
        if requested is not None and kind == "job.requested":
            return "id_conflict", "this job was requested before"
        if requested is not None and requested.owner != owner:
            return "not_yours", "no such job of yours"
        for name, text in (("correlation_id", events.correlation_ids[n]), ("causation_id", events.causation_ids[n])):
            if text is not None and read_uuid(text) is None:
                return "invalid", f"{name} must be a UUID"
        return None

    def _note(self, kind: str, replica_id: UUID, replica: Replica, at: int, about: dict[str, int]) -> None:
        """Leave an event that an auditor can find; asking again leaves no second one."""
        oddity = replica_id, kind, at, replica.epoch_number
        if oddity not in self._clients.oddities:
            self._clients.oddities.add(oddity)
            data = json.dumps({"replica": str(replica_id), **about})
            self._ledger.note(kind, data, owner=replica.owner, actor=self._login)


def _row(seq: int, event: StoredEvent) -> EventRow:
    return EventRow(
        event.id, event.job_id, event.type, event.v, event.owner, event.actor, seq,
        _text(datetime.fromisoformat(event.occurred_at)), _text(datetime.fromisoformat(event.recorded_at)),
        event.replica_id, event.replica_seq, event.correlation_id, event.causation_id, event.data,
    )  # fmt: skip


def _text(at: datetime) -> str:
    """A time as files keep it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _id(text: str | None) -> str | None:
    return None if text is None else str(UUID(text))
