"""What an app asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias
from uuid import UUID

from ledger.errors import InvalidEvent


class Model(Protocol):
    """What we need of a pydantic model: pydantic itself is imported when the first request is made."""

    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]:
        """Its fields, as JSON knows them."""


Params: TypeAlias = Mapping[str, Any] | Model
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
        if not value.keys() <= _FIELDS.keys():
            unknown = sorted(str(key) for key in value if key not in _FIELDS)
            raise InvalidEvent(f"a request has no field {', '.join(unknown)}", hint=f"its fields: {', '.join(_FIELDS)}")
        if value.get("name") is None:
            raise InvalidEvent("a request needs a name", hint="the name chooses the handler that runs the job")
        return cls(**{key: given for key, given in value.items() if given is not None})


_FIELDS: Final = dict.fromkeys(f.name for f in fields(Submission))
