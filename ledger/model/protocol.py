"""What the server answers to a push, and the codes of a refusal: one discriminated union, read by every client."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

RefusalCode: TypeAlias = Literal[
    "invalid", "too_large", "not_yours", "not_allowed", "id_conflict", "unknown_version", "expired"
]


Number: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]
"""A number as a client's or the server's log counts."""


class Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


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


def read_reply(text: str) -> PushReply:
    """Read the JSON text that ``ledger.push`` returned. Raises pydantic's ValidationError for an unknown reply."""
    return _REPLY.validate_json(text)
