"""Numbers of a file against those of a server, whatever is compacted, restored, copied or cut off in between.

A file and a server as small as can be: the decisions are the real ones, what carries them out is a few lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from client_sync.sync.plan import Acknowledge, MintReplica, Pause, Position, Rewind, after_push, push_is_due
from ledger.model.protocol import Accepted, Behind, Forked, PushReply, RefusedEvent

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Server:
    """What ``ledger.push`` does, for ids alone. Every fifth event is refused."""

    epoch: UUID
    taken: set[int] = field(default_factory=set)
    numbered: dict[UUID, list[int]] = field(default_factory=dict)

    def push(self, replica: UUID, base: int, ids: Sequence[int]) -> PushReply:
        mine = self.numbered.setdefault(replica, [])
        if base > len(mine):
            return Behind(head=len(mine))
        for n, (sent, known) in enumerate(zip(ids, mine[base:], strict=False), start=base + 1):
            if sent != known:
                return Forked(at=n, head=len(mine))
        for each in ids[len(mine) - base :]:
            mine.append(each)
            self.taken |= {each} if each % 5 else set()
        refused = [
            RefusedEvent(seq=n, event_id=str(each), code="invalid", detail="")
            for n, each in enumerate(ids, start=base + 1)
            if each % 5 == 0
        ]
        return Accepted(head=len(mine), time=NOON, refused=tuple(refused))


@dataclass
class File:
    """The own events of a file, and what its row of ``replica`` says."""

    position: Position
    events: dict[int, int] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    refused: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return max(self.events, default=0)

    def append(self, event: int) -> None:
        self.events[max(self.last, self.position.compacted_seq) + 1] = event

    def compact(self, keep_every: int) -> None:
        for n, event in list(self.events.items()):
            if n <= self.position.acked_seq and event in self.confirmed and event % keep_every:
                del self.events[n]
                self.position = replace(self.position, compacted_seq=max(self.position.compacted_seq, n))

    def push(self, server: Server, size: int, new_id: UUID, *, answer_is_lost: bool = False) -> None:
        position = self.position
        sent = sorted(n for n in self.events if n > position.acked_seq)[:size]
        reply = server.push(position.replica_id, position.base_seq, [self.events[n] for n in sent])
        if answer_is_lost:
            return
        match after_push(position, sent, reply):
            case Acknowledge(upto, seq_offset, refused):
                self.position = replace(position, acked_seq=upto, seq_offset=seq_offset, acked_epoch=position.epoch)
                for each in refused:
                    assert self.events[each.local_seq] == int(each.event_id)
                    self.refused[each.local_seq] = int(each.event_id)
            case MintReplica(_, seq_offset):
                self.position = replace(position, replica_id=new_id, seq_offset=seq_offset)
            case Rewind(acked_seq, seq_offset):
                self.position = replace(position, acked_seq=acked_seq, seq_offset=seq_offset)
                self.refused = {n: event for n, event in self.refused.items() if n <= acked_seq}
            case Pause():
                raise AssertionError("this server turns nobody away")
        assert self.position.acked_seq >= 0
        assert self.position.seq_offset <= self.position.acked_seq

    def pull(self, server: Server) -> None:
        self.position = replace(self.position, epoch=server.epoch)
        self.confirmed = server.taken & {*self.events.values()}


FILES = st.integers(0, 1)
ANY = (
    st.tuples(st.just("sync"), FILES, st.integers(0, 6)),
    st.tuples(st.just("append"), FILES, st.integers(1, 6)),
    st.tuples(st.just("push"), FILES, st.integers(1, 5)),
    st.tuples(st.just("push, and lose the answer"), FILES, st.integers(1, 5)),
    st.tuples(st.just("compact"), FILES, st.integers(1, 4)),
)
COPIES = st.tuples(st.just("copy"), FILES, FILES)
RESTORES = st.tuples(st.sampled_from(["back up", "restore"]), st.just(0), st.just(0))


def sync(file: File, server: Server, ids: Iterator[UUID]) -> None:
    """What an exchange does."""
    for _ in range(2):
        pushes = 0
        while push_is_due(file.position, file.last):
            file.push(server, 7, next(ids))
            pushes += 1
            assert pushes <= 3 + len(file.events), "it comes to an end"
        file.pull(server)


HALF_RESENT: list[tuple[str, int, int]] = [
    ("sync", 0, 6), ("sync", 0, 6), ("compact", 0, 4), ("restore", 0, 0), ("push", 0, 1), ("push", 0, 1),
    ("back up", 0, 0), ("push", 0, 5), ("restore", 0, 0),
]  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.one_of(*ANY, RESTORES), max_size=30))
@example(HALF_RESENT)
@example([("sync", 0, 6), ("back up", 0, 0), ("sync", 0, 6), ("compact", 0, 2), ("restore", 0, 0), ("sync", 0, 1)])
@example([("sync", 0, 6), ("compact", 0, 4), ("back up", 0, 0), ("sync", 0, 2), ("restore", 0, 0), ("sync", 0, 1)])
@example([("sync", 0, 6), ("compact", 0, 4), ("restore", 0, 0), ("sync", 0, 2), ("restore", 0, 0), ("sync", 0, 1)])
def test_p1_whatever_a_file_still_has_reaches_a_restored_server(steps: list[tuple[str, int, int]]) -> None:
    play(steps)


@settings(max_examples=150)
@given(st.lists(st.one_of(*ANY, COPIES), max_size=30))
def test_p1_whatever_a_copy_still_has_reaches_the_server(steps: list[tuple[str, int, int]]) -> None:
    play(steps)


def play(steps: list[tuple[str, int, int]]) -> None:
    """Do it all, sync, and look whether the server has what the files have."""
    ids = (UUID(int=n) for n in count(1))
    event_ids = count(1)
    server = Server(next(ids))
    backup = deepcopy(server)
    files = [File(Position(next(ids))) for _ in range(2)]
    for what, which, n in steps:
        file = files[which]
        match what:
            case "sync" | "append":
                for _ in range(n):
                    file.append(next(event_ids))
                if what == "sync":
                    sync(file, server, ids)
            case "push":
                file.push(server, n, next(ids))
            case "push, and lose the answer":
                file.push(server, n, next(ids), answer_is_lost=True)
            case "compact":
                file.compact(n)
            case "copy":
                files[n] = deepcopy(file)
            case "back up":
                backup = deepcopy(server)
            case "restore":
                server = replace(deepcopy(backup), epoch=next(ids))
    for file in files:
        sync(file, server, ids)
        assert {event for event in file.events.values() if event % 5} <= server.taken
        assert {event for event in file.events.values() if event % 5 == 0} == {*file.refused.values()}
