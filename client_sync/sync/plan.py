"""What to do about what the server answers: decisions only, without I/O, clock or driver.

A decision is a value. Whoever carries it out (``outbox``, ``inbox``) does so in one SQLite transaction, so that a
crash finds the file either before a decision or after it, and the next sync goes on from there.

Two numberings meet here. ``local_seq`` counts the own events of the file and never changes. The server counts what it
took from one replica id: ``replica_seq = local_seq - seq_offset``. Everything in a decision is in local numbers.

Local numbers have gaps where events have left the file (compaction), the server's have none: events are sent in their
order and counted, and ``seq_offset`` takes up the gaps as they are acknowledged (docs/design/local-numbers.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from ledger.model.protocol import Accepted, Behind, Forked, PushReply, Refused

MAX_PUSH_EVENTS: Final = 1000
MAX_PUSH_BYTES: Final = 4_000_000
"""How much of ``data`` goes into one push: far below the server's limits, and little memory on both sides."""
FIRST_PAGE: Final = 64
LAST_PAGE: Final = 3000
"""A job is folded, and its row written, once a page: a large one spares work, and 3000 events are some 4 MB here."""
SMALL_PAGE_BYTES: Final = 1_000_000
LARGE_PAGE_BYTES: Final = 4_000_000
MAX_PULL_BYTES: Final = 4_000_000
"""A page is cut off after the event that makes its ``data`` reach this."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the file and the server are with each other: the row of ``replica``, as far as decisions need it."""

    replica_id: UUID
    seq_offset: int = 0
    acked_seq: int = 0
    compacted_seq: int = 0
    pulled_seq: int = 0
    epoch: UUID | None = None
    acked_epoch: UUID | None = None
    settled: bool = True
    owner: str | None = None
    missing_seq: int | None = None
    """The first acknowledged number that the log of a new epoch, read to its end, does not hold; None: it holds all."""

    @property
    def confirmed_epoch(self) -> UUID | None:
        """The epoch in which everything is known to be acknowledged, once the server has taken what is sent now."""
        return self.epoch if self.settled or self.acked_seq == 0 else self.acked_epoch

    @property
    def base_seq(self) -> int:
        """The number, as the server counts, after which the next push begins."""
        return self.acked_seq - self.seq_offset


@dataclass(frozen=True, slots=True)
class Refusal:
    """One own event that the server did not take."""

    local_seq: int
    event_id: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The server has every own event up to ``upto``, but for those it refused; they stay refused."""

    upto: int
    seq_offset: int
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class MintReplica:
    """Go on under a new replica id, with number 1 for the first event that was not acknowledged.

    Another file has used this replica's numbers: this one is a copy of it, or was restored from one. Events keep
    their ids, so what both files hold still counts once.
    """

    forked_at: int
    seq_offset: int


@dataclass(frozen=True, slots=True)
class Rewind:
    """The server was restored: send what comes after ``acked_seq`` again. It takes no event twice."""

    acked_seq: int
    seq_offset: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The server turns this file away. Nothing is lost and nothing moves until a person has looked."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Disbelieve:
    """The reply contradicts the question, so nothing follows from it."""

    detail: str


AfterPush: TypeAlias = Acknowledge | MintReplica | Rewind | Pause | Disbelieve


@dataclass(frozen=True, slots=True)
class StorePage:
    """Store the events of this page, and that the log was read up to ``upto_seq`` in ``epoch``."""

    upto_seq: int
    epoch: UUID
    more: bool


@dataclass(frozen=True, slots=True)
class BeginEpoch:
    """The server's numbers mean something else from now on: read the log again from its start, into place."""

    epoch: UUID


AfterPull: TypeAlias = StorePage | BeginEpoch


def push_is_due(position: Position, last_local_seq: int) -> bool:
    """Whether there is something to send, or to ask: after the server began a new epoch, whether it still has all."""
    if last_local_seq > position.acked_seq:
        return True
    return position.settled and position.acked_seq > 0 and position.acked_epoch != position.epoch


def after_push(position: Position, sent: Sequence[int], reply: PushReply) -> AfterPush:
    """What follows from the reply to a push of the own events ``sent``: those next to ``position.acked_seq``.

    The reply's head may lie above what was sent, where an earlier reply was lost. Only what was sent now was compared
    event by event, so only that is acknowledged. A head below that is no acknowledgement.
    """
    base, end = position.base_seq, position.base_seq + len(sent)
    match reply:
        case Accepted(head=head) if head < end:
            return Disbelieve(f"it accepts up to number {end} and holds events up to {head} only")
        case Accepted(refused=refused) if not _are_among(base, end, [event.seq for event in refused]):
            return Disbelieve(f"it refuses events that were not sent, or one twice: {base + 1} to {end} were")
        case Forked(at=at) if not base < at <= end:
            return Disbelieve(f"number {at} is taken, it says, where {base + 1} to {end} were sent")
        case Behind(head=head) if not 0 <= head < base:
            return Disbelieve(f"it holds events up to {head}, it says, and lacks those before {base + 1}")
        case Accepted(head=head) if position.missing_seq is not None:
            # It counts as far as we do, but a copy of this file has used the numbers of what a restore lost.
            before = position.missing_seq - 1
            return Rewind(acked_seq=before, seq_offset=before - head)
        case Accepted():
            upto = sent[-1] if sent else position.acked_seq
            refusals = tuple(
                Refusal(_local(position, sent, event.seq), event.event_id, event.code, event.detail)
                for event in reply.refused
            )
            return Acknowledge(upto, upto - end, refusals)
        case Forked():
            return MintReplica(forked_at=_local(position, sent, reply.at), seq_offset=position.acked_seq)
        case Behind(head=head):
            last_kept = head + position.seq_offset
            if head > 0 and last_kept >= position.compacted_seq:
                return Rewind(last_kept, position.seq_offset)
            # Where events have left the file, nobody can tell which of them was number ``head``. And a server that
            # knows nothing may not even know what went to it under an earlier replica id. So send all, numbered on.
            return Rewind(acked_seq=0, seq_offset=-head)
        case Refused():
            return Pause(reply.code, reply.detail)


def check_owner(position: Position, session_owner: str) -> Pause | None:
    """A file has one owner for ever, whom the first sync shows. None: it is this session's."""
    if position.owner in (None, session_owner):
        return None
    return Pause("not_yours", f"this file belongs to {position.owner}, and the session to {session_owner}")


def after_pull(position: Position, upto_seq: int, epoch: UUID, events: int, asked: int) -> AfterPull:
    """What follows from a page of ``events`` rows, where up to ``asked`` were asked for."""
    if position.epoch != epoch:
        return BeginEpoch(epoch)
    return StorePage(upto_seq, epoch, more=events >= asked)


def next_page_size(size: int, page_bytes: int) -> int:
    """How many events to ask for next. Events differ by five orders of magnitude in size, and memory is bounded."""
    if page_bytes > LARGE_PAGE_BYTES:
        return max(size // 4, 1)
    if page_bytes < SMALL_PAGE_BYTES:
        return min(size * 4, LAST_PAGE)
    return size


def _are_among(base: int, end: int, numbers: Sequence[int]) -> bool:
    return all(base < number <= end for number in numbers) and len(set(numbers)) == len(numbers)


def _local(position: Position, sent: Sequence[int], replica_seq: int) -> int:
    return sent[replica_seq - position.base_seq - 1]
