"""What an app asks for, checked once, and as the text that will be stored and sent.

pydantic and the event catalogue are imported when the first request is made, so that an app starts quickly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

from ledger.errors import InvalidEvent

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Params: TypeAlias = "Mapping[str, Any] | BaseModel"
"""A job's parameters: a mapping that is a JSON object, or a pydantic model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One request for a job.

    ``name`` chooses the handler and ``params`` is its argument. A higher ``priority`` starts earlier; ``run_at`` and
    ``expires_at`` are aware times (or RFC 3339 texts), ``timeout`` is in seconds per attempt. ``key`` makes the
    request a no-op while an unfinished job of the same namespace, name and key is known to the file. ``job_id`` is
    for callers that want to choose it, for instance to ask again after a crash without asking twice.
    """

    name: str
    params: Params = field(default_factory=dict)
    namespace: str = "default"
    priority: int = 0
    run_at: datetime | str | None = None
    key: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    max_attempts: int | None = None
    timeout: float | None = None
    expires_at: datetime | str | None = None
    retry_of: UUID | str | None = None
    parent: UUID | str | None = None
    job_id: UUID | str | None = None

    @classmethod
    def of(cls, value: Submission | Mapping[str, Any]) -> Submission:
        """A submission from a mapping of its fields. Raises InvalidEvent for a field that does not exist."""
        if isinstance(value, Submission):
            return value
        unknown = sorted(str(key) for key in value if key not in _FIELDS)
        if unknown:
            raise InvalidEvent(f"a request has no field {', '.join(unknown)}", hint=f"its fields: {', '.join(_FIELDS)}")
        if "name" not in value:
            raise InvalidEvent("a request needs a name", hint="the name chooses the handler that runs the job")
        return cls(**value)


_FIELDS: Final = tuple(f.name for f in fields(Submission))


def request_text(request: Submission) -> str:
    """The data of ``job.requested``, without what was left at its default.

    Raises InvalidEvent, with the field that is wrong, for what the server would refuse.
    """
    params = request.params
    data: dict[str, Any] = {"name": request.name}
    if request.namespace != "default":
        data["namespace"] = request.namespace
    if not isinstance(params, Mapping):
        data["params"] = _dump_model(params, request.name)
    elif params:
        data["params"] = dict(params)
    if request.priority != 0:
        data["priority"] = request.priority
    if request.run_at is not None:
        data["run_at"] = format_time(parse_time("run_at", request.run_at))
    if request.key is not None:
        data["key"] = request.key
    if request.labels:
        data["labels"] = request.labels if isinstance(request.labels, dict) else dict(request.labels)
    limits: dict[str, Any] = {}
    if request.max_attempts is not None:
        limits["max_attempts"] = request.max_attempts
    if request.timeout is not None:
        limits["timeout"] = _milliseconds(request.timeout)
    if request.expires_at is not None:
        limits["expires_at"] = format_time(parse_time("expires_at", request.expires_at))
    if limits:
        data["limits"] = limits
    if request.retry_of is not None:
        data["retry_of"] = str(request.retry_of)
    if request.parent is not None:
        data["parent"] = str(request.parent)
    from ledger.events import RequestedData

    return _checked(data, RequestedData, f"job {request.name!r}")


def cancel_text(reason: str | None) -> str:
    """The data of ``job.cancel_requested``. Raises InvalidEvent for a reason that is too long."""
    from ledger.events import CancelRequestedData

    return _checked({} if reason is None else {"reason": reason}, CancelRequestedData, "cancel")


def format_time(value: datetime) -> str:
    """An aware time as RFC 3339 in UTC, to the microsecond."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_id(value: UUID | str, *, what: str = "job id") -> UUID:
    """Read an id. Raises InvalidEvent for a text that is not a UUID."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidEvent(f"{value!r} is not a {what}", hint="ids are UUIDs") from error


def parse_time(what: str, value: datetime | str) -> datetime:
    """An aware time, or the RFC 3339 text of one, in UTC. Raises InvalidEvent for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise InvalidEvent(f"{what}: {value} has no time zone", hint="give an offset, or Z for UTC")
        return moment.astimezone(UTC)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidEvent(f"{what}: {value!r} is not a time", hint="as in 2026-01-31T09:00:00Z") from error


def _checked(data: dict[str, Any], model: type[BaseModel], what: str) -> str:
    from pydantic import ValidationError

    from ledger.events import MAX_EVENT_BYTES

    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        encoded = text.encode()
        # strict: what is only convertible ("5" for 5) would reach the server as it was written, and be refused there
        model.model_validate_json(encoded, strict=True)
    except ValidationError as error:
        raise InvalidEvent(f"{what}: {_first_mistake(error)}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEvent(f"{what}: not JSON: {error}", hint="use objects, lists, texts and numbers") from error
    if len(encoded) > MAX_EVENT_BYTES:
        raise InvalidEvent(
            f"{what}: {len(encoded)} bytes; the limit is {MAX_EVENT_BYTES}",
            hint="keep large data elsewhere, and give its address",
        )
    return text


def _dump_model(params: BaseModel, name: str) -> dict[str, Any]:
    try:
        return params.model_dump(mode="json")
    except AttributeError as error:
        kind = type(params).__name__
        raise InvalidEvent(f"job {name!r}: params: a {kind} is not a mapping or a pydantic model") from error


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])


def _milliseconds(timeout: float) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise InvalidEvent(f"timeout: {timeout!r} is not a number of seconds")
    return timeout if isinstance(timeout, int) else round(timeout, 3)
