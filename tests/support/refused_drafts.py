"""Events that no server takes from a client, with the code of each refusal."""

from __future__ import annotations

import json
from collections.abc import Callable

from ledger_calls import Draft

REFUSED: list[tuple[str, Callable[[], Draft]]] = [
    ("invalid", lambda: Draft(data="{bad")),
    ("invalid", lambda: Draft(data='"text"')),
    ("invalid", lambda: Draft(data='{"name": 7}')),
    ("invalid", lambda: Draft(data="{}")),
    ("invalid", lambda: Draft(data='{"name": "x", "params": [1]}')),
    ("invalid", lambda: Draft(data='{"name": "x", "priority": "5"}')),
    ("invalid", lambda: Draft(data='{"name": "x", "priority": 99999}')),
    ("invalid", lambda: Draft(data='{"name": "x", "run_at": "tomorrow"}')),
    ("invalid", lambda: Draft(data='{"name": "x", "run_at": "2026-02-30T00:00:00Z"}')),
    ("invalid", lambda: Draft(data='{"name": "x", "limits": {"max_attempts": 0}}')),
    ("invalid", lambda: Draft(data='{"name": "x", "limits": {"timeout": -1}}')),
    ("invalid", lambda: Draft(data='{"name": "x", "parent": "me"}')),
    ("invalid", lambda: Draft(data='{"name": "x\\u0000"}')),
    ("too_large", lambda: Draft(data="[" * 100_000)),
    ("too_large", lambda: Draft(data='{"name": "x", "params": {"deep": ' + "[" * 100 + "]" * 100 + "}}")),
    ("invalid", lambda: Draft(data='{"name": "x", "params": {"half": "\\ud800"}}')),
    ("invalid", lambda: Draft(data='{"name": "x", "params": {"n": NaN}}')),
    ("invalid", lambda: Draft(data='{"name": "x", "params": {"n": 1e400}}')),
    ("invalid", lambda: Draft(data='{"name": "x", "params": {"n": ' + "7" * 641 + "}}")),
    ("invalid", lambda: Draft(data='{"name": "x", "labels": {"n": [' + "7" * 5000 + "]}}")),
    ("expired", lambda: Draft(data='{"name": "x", "limits": {"expires_at": "2020-01-01T00:00:00Z"}}')),
    ("invalid", lambda: Draft(id="not a uuid")),
    ("invalid", lambda: Draft(job_id="")),
    ("invalid", lambda: Draft(occurred_at="yesterday")),
    ("invalid", lambda: Draft(causation_id="nobody")),
    ("invalid", lambda: Draft("job.cancel_requested", '{"reason": 5}')),
    ("invalid", lambda: Draft(data='{"name": "x", "limits": {"timeout": 0}}')),
    ("too_large", lambda: Draft(data=json.dumps({"name": "x", "params": {"pad": "x" * 300_000}}))),
    ("not_allowed", lambda: Draft("job.completed", '{"attempt": 1}')),
    ("not_allowed", lambda: Draft("weather.changed", "{}")),
    ("unknown_version", lambda: Draft(v=2)),
]
