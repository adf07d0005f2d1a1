"""The event catalogue: what can happen, and what each event carries.

An event is a fact in the past tense, made by its author and never changed. The envelope is the same for all; ``data``
depends on ``type`` and ``v``. ``parse_event`` turns a stored row into the model of its type. A type, version or field
that is not known here is kept and passed on: old clients meet new servers, and the other way round.

Rows keep ``data`` as the exact text that was written. The models are for understanding, never for storing it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, cast
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    JsonValue,
    TypeAdapter,
    ValidationError,
    model_validator,
)

MAX_EVENT_BYTES: Final = 262_144
"""The most that ``data`` of one event may hold, in bytes of UTF-8. The server's ``ledger.limits`` says the same."""


class Data(BaseModel):
    """What an event carries. Fields that are not known here are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Limits(Data):
    """How far a job may go. ``timeout`` is in seconds, per attempt; None leaves the choice to the handler."""

    max_attempts: Annotated[int, Field(ge=1, le=1000)] | None = None
    timeout: Annotated[float, Field(ge=0.001, le=604_800)] | None = None
    expires_at: AwareDatetime | None = None


class GivenRequest(Data):
    """What to run: ``name`` chooses the handler, ``params`` is its argument, a higher ``priority`` starts earlier."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    namespace: Annotated[str, Field(min_length=1, max_length=100)] = "default"
    params: dict[str, JsonValue] = Field(default_factory=dict)
    priority: Annotated[int, Field(ge=-32768, le=32767)] = 0
    run_at: AwareDatetime | None = None
    limits: Limits = Limits()
    key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    labels: dict[str, JsonValue] = Field(default_factory=dict)
    retry_of: UUID | None = None
    parent: UUID | None = None


class RequestedData(GivenRequest):
    """A request as anybody may have written it: a null means that the field was not given."""

    @model_validator(mode="before")
    @classmethod
    def _null_means_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict) or None not in given.values():
            return given
        return {key: value for key, value in given.items() if value is not None or key not in cls.model_fields}


class CancelRequestedData(Data):
    reason: Annotated[str, Field(max_length=2000)] | None = None


class JobError(Data):
    """Why an attempt or a job failed."""

    type: str
    message: str = ""
    traceback: str | None = None
    retryable: bool = True


class AttemptStartedData(Data):
    attempt: int
    processor: UUID


class AttemptProgressedData(Data):
    """``n`` counts the reports of one attempt; the highest one holds."""

    attempt: int
    n: int
    percent: float | None = None
    message: str | None = None
    data: JsonValue = None


class AttemptLoggedData(Data):
    """``first`` is the number, from 1, of the first of these lines within the attempt."""

    attempt: int
    first: int
    lines: tuple[JsonValue, ...]


class StepCompletedData(Data):
    attempt: int
    step: str
    result: JsonValue = None


class AttemptFailedData(Data):
    attempt: int
    error: JobError
    retry_at: AwareDatetime | None = None


class AttemptDeferredData(Data):
    attempt: int
    until: AwareDatetime


class AttemptLostData(Data):
    """``alone`` is said of a job that was lost several times before: whether no other job ran on that processor."""

    attempt: int
    processor: UUID
    noticed_by: str
    retry_at: AwareDatetime | None = None
    alone: bool | None = None


class AttemptSupersededData(Data):
    attempt: int
    processor: UUID
    late: JsonValue = None


class JobCompletedData(Data):
    attempt: int
    result: JsonValue = None


class JobFailedData(Data):
    attempts: int
    error: JobError


class JobCancelledData(Data):
    attempt: int | None = None


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


class JobRequested(Envelope):
    type: Literal["job.requested"] = "job.requested"
    data: Json[RequestedData]


class CancelRequested(Envelope):
    type: Literal["job.cancel_requested"] = "job.cancel_requested"
    data: Json[CancelRequestedData]


class AttemptStarted(Envelope):
    type: Literal["attempt.started"] = "attempt.started"
    data: Json[AttemptStartedData]


class AttemptProgressed(Envelope):
    type: Literal["attempt.progressed"] = "attempt.progressed"
    data: Json[AttemptProgressedData]


class AttemptLogged(Envelope):
    type: Literal["attempt.logged"] = "attempt.logged"
    data: Json[AttemptLoggedData]


class StepCompleted(Envelope):
    type: Literal["step.completed"] = "step.completed"
    data: Json[StepCompletedData]


class AttemptFailed(Envelope):
    type: Literal["attempt.failed"] = "attempt.failed"
    data: Json[AttemptFailedData]


class AttemptDeferred(Envelope):
    type: Literal["attempt.deferred"] = "attempt.deferred"
    data: Json[AttemptDeferredData]


class AttemptLost(Envelope):
    type: Literal["attempt.lost"] = "attempt.lost"
    data: Json[AttemptLostData]


class AttemptSuperseded(Envelope):
    type: Literal["attempt.superseded"] = "attempt.superseded"
    data: Json[AttemptSupersededData]


class JobCompleted(Envelope):
    type: Literal["job.completed"] = "job.completed"
    data: Json[JobCompletedData]


class JobFailed(Envelope):
    type: Literal["job.failed"] = "job.failed"
    data: Json[JobFailedData]


class JobCancelled(Envelope):
    type: Literal["job.cancelled"] = "job.cancelled"
    data: Json[JobCancelledData]


class ProcessorStarted(Envelope):
    type: Literal["processor.started"] = "processor.started"
    data: Json[Data]


class ProcessorStopped(Envelope):
    type: Literal["processor.stopped"] = "processor.stopped"
    data: Json[Data]


class ProcessorLost(Envelope):
    type: Literal["processor.lost"] = "processor.lost"
    data: Json[Data]


class ReplicaForked(Envelope):
    """A client's file turned out to be a copy, or restored: it goes on under another replica id."""

    type: Literal["replica.forked"] = "replica.forked"
    data: Json[Data]


class ReplicaRewound(Envelope):
    """A client had more acknowledged than the server holds, as the server was restored: it sends that again."""

    type: Literal["replica.rewound"] = "replica.rewound"
    data: Json[Data]


class DelegationGranted(Envelope):
    """A login may from now on act on behalf of an owner; of every owner, where ``data`` names none."""

    type: Literal["delegation.granted"] = "delegation.granted"
    data: Json[Data]


class DelegationRevoked(Envelope):
    """A login may no longer act on behalf of an owner."""

    type: Literal["delegation.revoked"] = "delegation.revoked"
    data: Json[Data]


class UnknownEvent(Envelope):
    """An event of a type or version from another time, or one whose data does not read as its type says."""

    type: str
    data: str


_KNOWN: Final[tuple[type[Envelope], ...]] = (
    JobRequested, CancelRequested, AttemptStarted, AttemptProgressed, AttemptLogged, StepCompleted, AttemptFailed,
    AttemptDeferred, AttemptLost, AttemptSuperseded, JobCompleted, JobFailed, JobCancelled, ProcessorStarted,
    ProcessorStopped, ProcessorLost, ReplicaForked, ReplicaRewound, DelegationGranted, DelegationRevoked,
)  # fmt: skip

CATALOGUE: Final[dict[str, type[Envelope]]] = {model.model_fields["type"].default: model for model in _KNOWN}
"""Every type known here, with its model. All are at version 1."""

CLIENT_TYPES: Final = frozenset({"job.requested", "job.cancel_requested"})
"""The only types that a client may write."""

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {}
"""(type, old version) → a function from that version's row to the next one's, for a type whose meaning has changed."""


Event: TypeAlias = (
    JobRequested | CancelRequested | AttemptStarted | AttemptProgressed | AttemptLogged | StepCompleted | AttemptFailed
    | AttemptDeferred | AttemptLost | AttemptSuperseded | JobCompleted | JobFailed | JobCancelled | ProcessorStarted
    | ProcessorStopped | ProcessorLost | ReplicaForked | ReplicaRewound | DelegationGranted | DelegationRevoked
    | UnknownEvent
)  # fmt: skip
"""Any event. Which model a row has is looked up by its type and version; trying them all would cost a third more."""

_READERS: Final[dict[tuple[str, int], Callable[[dict[str, Any]], object]]] = {
    (name, 1): TypeAdapter(model).validator.validate_python for name, model in CATALOGUE.items()
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


def write_data(data: Data) -> str:
    """The JSON text of an event's data, without what was not given."""
    return data.model_dump_json(exclude_unset=True)
