"""What each type of event carries in its ``data``: one model a type, listed in ``ledger.model.catalogue``."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic import ValidatorFunctionWrapHandler as Validator

MAX_EVENT_BYTES: Final = 262_144
"""The most that ``data`` of one event may hold, in bytes of UTF-8. The server's ``ledger.limits`` says the same."""
TRACEPARENT: Final = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
"""The header of W3C Trace Context, version 00 and those that keep its form."""


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
    # kept and checked; nothing acts on these yet
    order_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    unique: dict[str, JsonValue] | None = None
    traceparent: Annotated[str, Field(pattern=TRACEPARENT)] | None = None
    files: dict[str, dict[str, JsonValue]] | None = None


class RequestedData(GivenRequest):
    """A request as it may stand in a ledger: a null means that the field was not given.

    The fields that came after version 1 of the schema may hold anything in an event from before, when nobody checked
    them. What does not fit reads as not given.
    """

    @field_validator("order_key", "unique", "traceparent", "files", mode="wrap")
    @classmethod
    def _unfit_means_not_given(cls, given: Any, validate: Validator) -> Any:
        try:
            return validate(given)
        except ValidationError:
            return None

    @model_validator(mode="before")
    @classmethod
    def _null_means_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict) or None not in given.values():
            return given
        return {key: value for key, value in given.items() if value is not None or key not in cls.model_fields}


class CancelRequestedData(Data):
    reason: Annotated[str, Field(max_length=2000)] | None = None


class SignalledData(Data):
    """A message to a job, from its owner. A job that waits for one of this name goes on."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    data: JsonValue = None


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


class AttemptSuspendedData(Data):
    """The attempt is over, and the job waits for what ``reason`` says, at most until ``until``. Null: for ever."""

    attempt: int
    reason: Annotated[str, Field(min_length=1, max_length=100)]
    until: AwareDatetime | None = None


class AttemptTracedData(Data):
    """Where in the code an attempt failed. It is the service's: the owner of the job does not read it."""

    attempt: int
    traceback: str


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


class JobRetiredData(Data):
    """The job has ended long ago, and its events leave the ledger; ids and hashes stay."""

    reason: str | None = None


class PayloadErasedData(Data):
    """The content of these events was taken out on demand; ids and hashes stay."""

    events: tuple[UUID, ...]
    reason: str | None = None


def write_data(data: Data) -> str:
    """The JSON text of an event's data, without what was not given."""
    return data.model_dump_json(exclude_unset=True)
