"""docs/events.md, made from the event catalogue: ``python tests/support/events_page.py`` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from ledger.model.catalogue import CATALOGUE, EventType
from ledger.model.waiting import MEANINGS

PAGE: Final = Path(__file__).parents[2] / "docs" / "events.md"

INTRODUCTION: Final = """\
# Events

Everything that happens to a job is an event: a fact, written once and never changed. This page is made from
`ledger/model/catalogue.py` by `python tests/support/events_page.py`; a test holds the two together.

Every event has an `id`, a `type` and the version `v` of its data, an `owner` (whose it is, and who reads it) and an
`actor` (who caused it), `occurred_at` (the author's clock), `recorded_at` (the server's clock) and `data`, a JSON
object that is kept as the exact text that was written. `job_id` names its job, `replica_id` and `replica_seq` the
client's file that it came through, and `correlation_id` and `causation_id` are the author's to use.

Data may hold fields that are not listed here, and there may be types that are not listed here: both are kept and
passed on. A field without a default is required. What is not known, or cannot be read, changes no job.
"""
OWNERS: Final = {
    "job": "the owner of the job",
    "replica": "the owner of the file",
    "login": "the login that it is about",
    "service": "the service: no client reads it, unless it logs in as the service does",
}


def page() -> str:
    """The whole page."""
    overview = [
        "| type | written by | effect on the job |",
        "|---|---|---|",
        *(
            f"| [`{entry.type}`](#{_anchor(entry.type)}) | {entry.by} | {entry.effect or 'none'} |"
            for entry in CATALOGUE.values()
        ),
    ]
    reasons = [
        "| reason | the job waits, as |",
        "|---|---|",
        *(f"| `{word}` | {why} |" for word, why in MEANINGS.items()),
    ]
    parts = [
        INTRODUCTION,
        "\n".join(overview) + "\n",
        *(_section(entry) for entry in CATALOGUE.values()),
        "## Waiting reasons\n\nA job that is pending and may not start yet has a reason. The list is open.\n",
        "\n".join(reasons) + "\n",
    ]
    return "\n".join(parts)


def _anchor(name: str) -> str:
    return name.replace(".", "")


def _section(entry: EventType) -> str:
    lines = [f"## `{entry.type}`", "", entry.about, "", f"Version {entry.v}. It belongs to {OWNERS[entry.owner]}."]
    schema = entry.data.model_json_schema()
    if fields := schema.get("properties"):
        required = schema.get("required", [])
        lines += ["", "| field | value | default |", "|---|---|---|"]
        for name, field in fields.items():
            default = "required" if name in required else f"`{json.dumps(_default(field))}`"
            lines.append(f"| `{name}` | {_kind(field, schema)} | {default} |")
    return "\n".join(lines) + "\n"


def _default(field: dict[str, Any]) -> Any:
    value = field.get("default")
    is_object = field.get("type") == "object" or isinstance(value, dict)
    return {} if is_object else value


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """A field of a JSON schema, in words."""
    match field:
        case {"anyOf": [*kinds]}:
            return " or ".join(_kind(kind, schema) for kind in kinds if kind != {"type": "null"}) or "null"
        case {"$ref": str(name)}:
            parts = schema["$defs"][name.rsplit("/", 1)[-1]].get("properties")
            if parts is None:
                return "any JSON"
            return "object: " + ", ".join(f"`{part}` ({_kind(each, schema)})" for part, each in parts.items())
        case {"type": "string", "format": "date-time"}:
            return "time, RFC 3339 with an offset"
        case {"type": "string", "format": "uuid"}:
            return "UUID"
        case {"type": "string", "pattern": str(pattern)}:
            return f"text that matches `{pattern}`"
        case {"type": "string"}:
            return "text" + _range(field, "minLength", "maxLength", " characters")
        case {"type": "integer"}:
            return "whole number" + _range(field, "minimum", "maximum", "")
        case {"type": "number"}:
            return "number" + _range(field, "minimum", "maximum", "")
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "array", "items": dict(items)}:
            return f"list of: {_kind(items, schema)}"
        case {"type": "object", "additionalProperties": {"type": "object"}}:
            return "object of objects"
        case {"type": "object"}:
            return "object"
    return "any JSON"


def _range(field: dict[str, Any], least: str, most: str, unit: str) -> str:
    if most not in field:
        return ""
    if least not in field:
        return f" of at most {field[most]}{unit}"
    return f", {field[least]} to {field[most]}{unit}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
