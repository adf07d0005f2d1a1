"""A request, validated once, as the text that will be stored and sent.

pydantic and the event catalogue are imported when the first request is made that has more than a name and params, so
that an app starts quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from client_sync.file.json_text import json_parts, to_json
from client_sync.file.limits import ServerLimits
from client_sync.file.submission import Submission
from client_sync.file.values import format_time, parse_id, parse_time
from ledger.errors import InvalidEvent
from ledger.model.readable import HINT, find_unreadable, is_suspect

if TYPE_CHECKING:
    from pydantic import BaseModel

ValidRequest: TypeAlias = tuple[str, str, Submission | None]
"""A request that may be appended: its name, its text, and itself where it has more than a name and params."""

DEFAULT_LIMITS: Final = ServerLimits()

_NAME_LENGTH: Final = 200
"""As in ``ledger.model.data.GivenRequest``, which takes long to import."""
_FREE: Final = ("params", "labels")
_PLAIN: Final = frozenset({"name", "params"})


def validate(value: Submission | Mapping[str, Any], limits: ServerLimits = DEFAULT_LIMITS) -> ValidRequest:
    """Validate a request, or a mapping of its fields. Raises InvalidEvent as ``request_text`` does."""
    if type(value) is dict and value.keys() <= _PLAIN and "name" in value:
        text = _plain_text(value["name"], value.get("params"), limits)
        if text is not None:
            return value["name"], text, None
    request = Submission.of(value)
    return request.name, request_text(request, limits), request


def _plain_text(name: object, params: object, limits: ServerLimits) -> str | None:
    """The text of a request with nothing but a name and params; None where ``request_text`` has to look at it.

    Most requests are so, and are validated at a fraction of the cost.
    """
    if type(name) is not str or not 0 < len(name) <= _NAME_LENGTH or (params is not None and type(params) is not dict):
        return None
    try:
        text = "".join(json_parts({"name": name, "params": params} if params else {"name": name}, 0))
        size = len(text) if text.isascii() else len(text.encode())
    except (TypeError, ValueError, RecursionError):
        return None
    # what is near a limit is left to request_text, which counts exactly
    if (
        size > limits.max_params_bytes
        or size > limits.max_event_bytes
        or size > limits.max_batch_bytes
        or is_suspect(text, limits.max_json_depth)
        or limits.max_json_depth < 2
    ):
        return None
    return text


def job_columns(request: Submission) -> tuple[str, int, str | None, str | None, str | None, str]:
    """What a checked request says of its job: namespace, priority, key, run_at, expires_at and labels, as stored."""
    return (
        request.namespace,
        request.priority,
        request.key,
        None if request.run_at is None else format_time(parse_time("run_at", request.run_at)),
        None if request.expires_at is None else format_time(parse_time("expires_at", request.expires_at)),
        to_json(labels) if (labels := _object("labels", request.labels)) else "{}",
    )


def request_text(request: Submission, limits: ServerLimits = DEFAULT_LIMITS) -> str:
    """The data of ``job.requested``, without what was left at its default.

    Raises InvalidEvent, with the field that is wrong, for what the server would refuse.
    """
    from ledger.model.data import GivenRequest

    data: dict[str, Any] = {"name": request.name}
    if request.namespace != "default":
        data["namespace"] = request.namespace
    if params := _object("params", request.params):
        data["params"] = params
    if request.priority != 0:
        data["priority"] = _whole("priority", request.priority)
    if request.run_at is not None:
        data["run_at"] = format_time(parse_time("run_at", request.run_at))
    if request.key is not None:
        data["key"] = request.key
    if labels := _object("labels", request.labels):
        data["labels"] = labels
    run_limits: dict[str, Any] = {}
    if request.max_attempts is not None:
        run_limits["max_attempts"] = _whole("max_attempts", request.max_attempts)
    if request.timeout is not None:
        run_limits["timeout"] = _milliseconds(request.timeout)
    if request.expires_at is not None:
        run_limits["expires_at"] = format_time(parse_time("expires_at", request.expires_at))
    if run_limits:
        data["limits"] = run_limits
    if request.retry_of is not None:
        data["retry_of"] = str(parse_id(request.retry_of))
    if request.parent is not None:
        data["parent"] = str(parse_id(request.parent))
    return _checked(data, GivenRequest, f"job {request.name!r}", limits)


def cancel_text(reason: str | None, limits: ServerLimits = DEFAULT_LIMITS) -> str:
    """The data of ``job.cancel_requested``. Raises InvalidEvent for a reason that is too long."""
    from ledger.model.data import CancelRequestedData

    return _checked({} if reason is None else {"reason": reason}, CancelRequestedData, "cancel", limits)


def _checked(data: dict[str, Any], model: type[BaseModel], what: str, limits: ServerLimits) -> str:
    try:
        text = to_json(data)
        encoded = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        # our reason names the field; the library's error is for what is no JSON at all
        why = find_unreadable(data, limits.max_json_depth) or error
        raise InvalidEvent(f"{what}: not JSON: {why}", hint="use objects, lists, texts and numbers") from error
    try:
        # params and labels may be any object, and they are objects if they could be written
        model.model_validate({name: value for name, value in data.items() if name not in _FREE})
    except ValueError as error:
        raise InvalidEvent(f"{what}: {_first_mistake(error)}") from error
    if is_suspect(text, limits.max_json_depth) and (wrong := find_unreadable(data, limits.max_json_depth)):
        raise InvalidEvent(f"{what}: {wrong}", hint=HINT)
    _check_size(what, len(encoded), limits.event_bytes)
    if len(encoded) > limits.max_params_bytes:
        _check_size(f"{what}: params", len(to_json(data.get("params", {})).encode()), limits.max_params_bytes)
    return text


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise InvalidEvent(
            f"{what}: {size} bytes; the limit is {limit}", hint="keep large data elsewhere, and give its address"
        )


def _object(what: str, value: object) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise InvalidEvent(f"{what}: a {type(value).__name__} is neither a mapping nor a pydantic model")
    dumped: dict[Any, Any] = dump(mode="json")
    return dumped


def _first_mistake(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in mistake["loc"])
    return f"{place}: {mistake['msg']}" if place else str(mistake["msg"])


def _whole(what: str, value: int) -> int:
    # the server would refuse True and 5.0, as they are written
    if type(value) is not int:
        raise InvalidEvent(f"{what}: {value!r} is not a whole number")
    return value


def _milliseconds(timeout: float) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise InvalidEvent(f"timeout: {timeout!r} is not a number of seconds")
    return timeout if isinstance(timeout, int) else round(timeout, 3)
