"""How the command line shows events, to people and to programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from jobledger.console.output import shorten


def event_row(row: dict[str, Any]) -> dict[str, Any]:
    """One event as a row of a table."""
    return {
        "seq": row["seq"] if row["seq"] is not None else "-",
        "recorded at": row["recorded_at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z",
        "type": row["type"],
        "job": row["job_id"] or "-",
        "actor": row["actor"],
        "data": shorten(row["data"], 100),
    }


def event_text(row: dict[str, Any]) -> str:
    """One event as JSON, with the text of its data as it is stored: reading and writing it anew would round numbers."""
    envelope = {
        key: value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for key, value in row.items()
        if key != "data" and value is not None
    }
    return json.dumps(envelope, default=str, ensure_ascii=False)[:-1] + f', "data": {row["data"]}}}'
