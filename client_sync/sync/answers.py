"""Which of a server's answers are believed, whatever implementation of the port gives them.

A server may be broken, of another make, or in a stranger's hands. What contradicts itself or the question is an error,
before anything of it is noted: see ``BadAnswer``. What no check here can know, the constraints of the file still hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from client_sync.file.limits import ServerLimits, believable_limits
from client_sync.sync.plan import Position
from ledger.errors import BadAnswer, ProtocolMismatch, SyncRefused
from ledger.model.protocol import NEWEST_PROTOCOL, OLDEST_PROTOCOL, Hello, HelloReply, Versions
from ledger.ports.server import EventRow, Page

_OURS: Final = Versions(oldest=OLDEST_PROTOCOL, newest=NEWEST_PROTOCOL)


def check_protocol(reply: HelloReply) -> Hello:
    """The reply to ``hello``, where the server speaks a version that is spoken here. Raises ProtocolMismatch."""
    if isinstance(reply, Hello) and reply.protocol.fits:
        return reply
    theirs = reply.protocol
    is_too_old = theirs.newest < OLDEST_PROTOCOL
    raise ProtocolMismatch(
        f"the server is too {'old' if is_too_old else 'new'} for this jobledger: it speaks {_shown(theirs)} of the"
        f" client protocol, and this side {_shown(_OURS)}",
        hint=f"everything is kept; upgrade jobledger {'on the server' if is_too_old else 'here'}, and sync goes on",
    )


def check_limits(hello: Hello) -> ServerLimits:
    """The limits that the server says. Raises BadAnswer for those that would stop an app."""
    limits = believable_limits(hello.limits)
    if limits is None:
        raise BadAnswer("with its limits, next to nothing could be saved or sent")
    return limits


def check_owner(hello: Hello, on_behalf_of: str | None) -> None:
    """Raise SyncRefused where the login may not act for the owner that was named, BadAnswer for yet another owner."""
    if hello.owner is None:
        raise SyncRefused("not_allowed", f"the login {hello.login} may not act on behalf of {on_behalf_of}")
    if hello.owner != (on_behalf_of or hello.login):
        raise BadAnswer("it names another owner than the one that was asked for")


class CheckedPage:
    """A page that can be the answer to what was asked: behind ``position``, up to ``asked`` events.

    ``bytes_read`` grows with the events.
    """

    def __init__(self, page: Page, position: Position, asked: int) -> None:
        self.upto_seq: Final = page.upto_seq
        self.epoch: Final[UUID] = page.epoch
        self.is_cut: Final = page.is_cut
        self.bytes_read = 0
        self._page = page
        self._after = position.pulled_seq
        if not 0 <= page.count <= asked:
            raise BadAnswer(f"it has {page.count} events where up to {asked} were asked for")
        if self.upto_seq < self._after:
            raise BadAnswer(f"it goes up to number {self.upto_seq} where what follows {self._after} was asked for")

    def __len__(self) -> int:
        return self._page.count

    def events(self, owner: str | None) -> Iterator[EventRow]:
        """The events, once. Raises BadAnswer for one that is not this owner's, or whose number does not follow."""
        before, upto = self._after, self.upto_seq
        for event in self._page.events:
            seq = event.seq
            if seq is None or not before < seq <= upto:
                raise BadAnswer(f"event {event.id} has number {seq}, after {before} and up to {upto}")
            if event.owner != owner:
                raise BadAnswer(f"event {event.id} is another owner's")
            before = seq
            self.bytes_read += len(event.data)
            yield event


def _shown(versions: Versions) -> str:
    if versions.oldest == versions.newest:
        return f"version {versions.newest}"
    return f"versions {versions.oldest} to {versions.newest}"
