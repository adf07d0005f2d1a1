"""What is wrong with a client's event in itself: as ``ledger.judge`` in schema.sql says it, with the models' words.

The codes are the same, and so is what passes. One thing is left out: how a number was written (``timeout`` as 1e2).
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import ValidationError

from ledger.memory.clients import ClientLimits
from ledger.model.catalogue import CATALOGUE, CLIENT_TYPES
from ledger.model.data import Data, GivenRequest, RequestedData
from ledger.model.readable import find_unreadable, read_integer

Verdict: TypeAlias = tuple[str, str]
"""Code and detail of a refusal."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TIME: Final = re.compile(
    r"(1[6-9]|[2-8]\d)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)", re.ASCII
)
_TEXTS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def read_uuid(text: str | None) -> UUID | None:
    """The id that a text says; None where it is none."""
    return UUID(text) if text is not None and _UUID.fullmatch(text) else None


def read_time(text: str | None) -> datetime | None:
    """The time that a text says; None where it is no RFC 3339 time with an offset."""
    if text is None or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def judge(kind: str, v: int, data: str | None, limits: ClientLimits, now: datetime) -> Verdict | None:
    """Why an event of this content is refused; None where it passes."""
    if kind not in CLIENT_TYPES:
        return "not_allowed", f"clients write {', '.join(each for each in CATALOGUE if each in CLIENT_TYPES)} only"
    if v != 1:
        return "unknown_version", f"version {v} of {kind} is not known here"
    if data is None:
        return "invalid", "data is missing"
    size, most = len(data.encode()), min(limits.max_event_bytes, limits.max_batch_bytes)
    if size > most:
        return "too_large", f"data has {size} bytes; the limit is {most}"
    if _depth(data) > limits.max_json_depth:
        return "too_large", f"data nests deeper than {limits.max_json_depth} levels"
    try:
        fields = json.loads(data, parse_int=read_integer)
    except ValueError as error:
        return "invalid", f"data is no JSON that every reader can read: {error}"
    if not isinstance(fields, dict):
        return "invalid", "data must be a JSON object"
    if unreadable := find_unreadable(fields):
        return "invalid", unreadable
    model = GivenRequest if CATALOGUE[kind].data is RequestedData else CATALOGUE[kind].data
    return _judge_fields(model, fields, data, limits, now)


def _judge_fields(
    model: type[Data], fields: dict[str, Any], data: str, limits: ClientLimits, now: datetime
) -> Verdict | None:
    given = {name: value for name, value in fields.items() if value is not None or name not in model.model_fields}
    try:
        read = model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        return "invalid", f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if not isinstance(read, GivenRequest):
        return None
    expires_at = (given.get("limits") or {}).get("expires_at")
    for name, text in (("run_at", given.get("run_at")), ("limits.expires_at", expires_at)):
        if text is not None and read_time(text) is None:
            return "invalid", f"{name} must be an RFC 3339 time with an offset"
    for name in ("retry_of", "parent"):
        if name in given and read_uuid(given[name]) is None:
            return "invalid", f"{name} must be a UUID"
    if len(data.encode()) > limits.max_params_bytes:
        size = len(_written(data, "params").encode())
        if size > limits.max_params_bytes:
            return "too_large", f"params has {size} bytes; the limit is {limits.max_params_bytes}"
    if read.limits.expires_at is not None and read.limits.expires_at <= now:
        return "expired", f"the job was to be done by {expires_at}"
    return None


def _depth(data: str) -> int:
    deepest = level = 0
    for bracket in re.findall(r"[][{}]", _TEXTS.sub("", data)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def _written(data: str, name: str) -> str:
    """A field of a JSON object, as it was written there; the last one, where there are several."""
    decoder, found = json.JSONDecoder(), ""
    at = data.index("{") + 1
    while data[(at := _skip(data, at))] != "}":
        key, at = decoder.raw_decode(data, at)
        start = _skip(data, at)
        _, at = decoder.raw_decode(data, start)
        if key == name:
            found = data[start:at]
    return found


def _skip(data: str, at: int) -> int:
    while data[at] in " \t\r\n,:":
        at += 1
    return at
