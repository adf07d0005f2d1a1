"""What a server answers to a client: to ``hello``, and to a push. Read by every client, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ledger.errors import BadAnswer, LedgerError

OLDEST_PROTOCOL: Final = 1
NEWEST_PROTOCOL: Final = 1
"""Which versions of the client protocol are spoken here. It has a number of its own, apart from that of a schema."""
RefusalCode: TypeAlias = Literal[
    "invalid", "too_large", "not_yours", "not_allowed", "id_conflict", "unknown_version", "expired"
]

Number: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
"""A number as a client's or the server's log counts."""


class Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Versions(Reply):
    """Which versions of the client protocol one side speaks."""

    oldest: Number
    newest: Number

    @property
    def fits(self) -> bool:
        """Whether one of them is spoken here."""
        return self.oldest <= NEWEST_PROTOCOL and self.newest >= OLDEST_PROTOCOL


class Hello(Reply):
    """What a client has to know before it sends or reads: as ``ledger.hello`` documents it.

    ``owner`` is whose events this session writes and reads; None: it may not act on behalf of the one it named.
    ``epoch`` is None where the server is too old to say so: its first page does.
    """

    protocol: Versions
    login: Annotated[str, Field(min_length=1)]
    owner: str | None
    limits: Mapping[str, Any]
    epoch: UUID | None
    time: AwareDatetime | None = None


class OtherProtocol(Reply):
    """The server speaks none of our versions: nothing else of its answer is read."""

    protocol: Versions


HelloReply: TypeAlias = Hello | OtherProtocol


class RefusedEvent(Reply):
    """One event that was not taken. It has used up its number all the same. A newer server may know other codes."""

    seq: Number
    event_id: str
    job_id: str | None = None
    code: RefusalCode | str
    detail: str


class Accepted(Reply):
    """Everything up to ``head`` is committed in Postgres, but for the events refused."""

    reply: Literal["accepted"] = "accepted"
    head: Number
    time: AwareDatetime
    refused: tuple[RefusedEvent, ...] = ()


class Forked(Reply):
    """Number ``at`` was taken before with another event: this file is a copy, or was restored from one."""

    reply: Literal["forked"] = "forked"
    at: Number
    head: Number


class Behind(Reply):
    """The server has nothing after ``head``: it was restored, and needs those events again."""

    reply: Literal["behind"] = "behind"
    head: Number


class Refused(Reply):
    """The push as a whole was turned away; nothing of it was taken."""

    reply: Literal["refused"] = "refused"
    code: RefusalCode | str
    detail: str


PushReply: TypeAlias = Annotated[Accepted | Forked | Behind | Refused, Field(discriminator="reply")]

_REPLY: Final[TypeAdapter[PushReply]] = TypeAdapter(PushReply)
_SHOWN: Final = 200


def read_reply(text: str) -> PushReply:
    """Read the JSON text that answers a push. Raises LedgerError for a reply that is not known here."""
    try:
        return _REPLY.validate_json(text)
    except ValidationError as error:
        raise LedgerError(
            f"the server's answer is not known here: {text[:_SHOWN]}", hint="everything is kept; upgrade jobledger"
        ) from error


def read_hello(text: str) -> HelloReply:
    """Read the JSON text that answers ``hello``. Raises BadAnswer for what is no such answer."""
    try:
        other = OtherProtocol.model_validate_json(text)
        if not other.protocol.fits:
            return other
        hello = Hello.model_validate_json(text)
    except ValidationError as error:
        raise BadAnswer(f"it does not say who it is: {text[:_SHOWN]}") from error
    if hello.epoch is None:
        raise BadAnswer("it does not say in which epoch it is")
    return hello
