"""Events as they are read: the envelope, which is the same for all, and the data that their type says.

An event is a fact in the past tense, made by its author and never changed. ``parse_event`` turns a stored row into the
model that ``ledger.model.catalogue`` names for its type and version. A type, version or field that is not known here is
kept and passed on.

Rows keep ``data`` as the exact text that was written. The models are for understanding, never for storing it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Json, TypeAdapter, ValidationError

from ledger.model.catalogue import CATALOGUE
from ledger.model.data import Data

D = TypeVar("D", bound=Data)


class Envelope(BaseModel):
    """What every event has. ``seq`` is its number in the log, known once the server has put it in order."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: UUID
    job_id: UUID | None = None
    v: int = 1
    owner: str
    actor: str
    replica_id: UUID | None = None
    replica_seq: int | None = None
    occurred_at: datetime
    recorded_at: datetime | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    seq: int | None = None

    @property
    def at(self) -> datetime:
        """When it happened by the best clock known: the server's, and the author's until the server has it."""
        return self.recorded_at or self.occurred_at


class KnownEvent(Envelope, Generic[D]):
    """An event whose type and version are in the catalogue. The class of ``data`` tells the types apart."""

    type: str
    data: Json[D]


class UnknownEvent(Envelope):
    """An event of a type or version from another time, or one whose data does not read as its type says."""

    type: str
    data: str


Event: TypeAlias = KnownEvent[Any] | UnknownEvent
"""Any event. Which model a row has is looked up by its type and version."""

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {}
"""(type, old version) → a function from that version's row to the next one's, for a type whose meaning has changed."""

_READERS: Final[dict[tuple[str, int], Callable[[dict[str, Any]], object]]] = {
    (entry.type, entry.v): TypeAdapter(KnownEvent[entry.data]).validator.validate_python  # type: ignore[name-defined]
    for entry in CATALOGUE.values()
}


def parse_event(row: Mapping[str, Any]) -> Event:
    """Read a stored row: the envelope's columns, with ``data`` as JSON text.

    A row whose data does not fit its type becomes an ``UnknownEvent``: it is kept and has no effect. Where even the
    envelope is broken, which no store of ours lets in, its fields are as they were found. Raises nothing.
    """
    fields = dict(row)
    while upcast := UPCASTERS.get((fields["type"], fields.get("v", 1))):
        fields = upcast(fields)
    try:
        return cast(Event, _READERS[fields["type"], fields.get("v", 1)](fields))
    except (KeyError, ValidationError):
        try:
            return UnknownEvent.model_validate(fields)
        except ValidationError:
            return UnknownEvent.model_construct(**fields)
